import { lengthSchema } from "./length.js";
import { namedConfigs } from "./named.js";
import { allowedValues, type Option, options } from "./options.js";
import { presets } from "./presets.js";
import { resolveConfig } from "./resolve.js";
import { type Config, configSchema, presetNames, recipeNames } from "./schema.js";

const intro = `# Configuration

This page is made from the schema in \`pipeline/config/schema.ts\` by \`npm run -s equipoise -- config reference\`; do not edit it.

A run is described by a named configuration (\`--config\`), a size (\`--preset\`) and a set of details (\`--recipe\`). Any option
below can then be changed, in a YAML file or with \`--set key=value\`. Later sources win: defaults, recipe, preset, named
configuration, YAML file, flags, \`--set\`. \`equipoise config show\` prints the outcome.

\`\`\`yaml
# my-run.yaml, used as --config my-run.yaml
extends: ms-ipb-vgg     # a named configuration or another file
preset: small
data:
  unlabelled: [Unsorted]
meta:
  threshold: 0.8
\`\`\`

[text] marks what the article says, [code] what its authors' published code does; recipe \`paper\` follows the text,
\`reference-code\` the code, and \`small-data\` this project's study of small budgets. A *length* is a number of steps (\`5000\`),
epochs (\`"10 epochs"\`) or a share of the phase (\`"50%"\`). Defaults are those of \`ipb-vgg\`; where they differ, they are listed
by recipe (at preset \`full\`) and by preset (with recipe \`paper\`).
`;

/** The whole text of docs/config.md: how configurations are put together, their names, and a table of every option. */
export function configReference(): string {
  const named = Object.entries(namedConfigs).map(([name, { summary }]) => row([code(name), summary]));
  const groups = Object.entries(configSchema.shape).filter(([key]) =>
    options.some(({ path }) => path[0] === key && path[1]),
  );
  const top = options.filter(({ path }) => path.length === 1);
  return [
    intro,
    ["## Named configurations", "", row(["name", "what it trains"]), row(["---", "---"]), ...named, ""].join("\n"),
    section("General options", "", top),
    ...groups.map(([key, group]) => {
      const members = options.filter(({ path }) => path[0] === key && path.length > 1);
      return section(code(key), `${capital(group.description ?? "")}.\n`, members);
    }),
  ].join("\n");
}

function section(title: string, text: string, members: readonly Option[]): string {
  const rows = members.map(({ path, schema, description }) => {
    const allowed = allowedValues(schema).replace(allowedValues(lengthSchema), "a length");
    return row([code(path.join(".")), defaultsOf(path), allowed, description]);
  });
  const head = [row(["option", "default", "allowed", "meaning"]), row(["---", "---", "---", "---"])];
  return [`## ${title}`, "", ...(text ? [text] : []), ...head, ...rows, ""].join("\n");
}

/** The default of one option: one value, or one per recipe or preset. */
function defaultsOf(path: string[]): string {
  const name = path.join(".");
  if (name === "patch.size") return presetNames.map((preset) => `${preset}: ${sizesOf(preset)}`).join("; ");
  if (name === "patch.smallSize") return "`null`; multi-scale: half of `patch.size`";
  const at = (preset: string, recipe: string) => JSON.stringify(valueAt(resolveConfig({ preset, recipe }), path));
  if (name === "preset" || name === "recipe") return code(JSON.stringify(valueAt(resolveConfig(), path)));
  const byRecipe = recipeNames.map((recipe) => [recipe, at("full", recipe)] as const);
  const byPreset = presetNames.map((preset) => [preset, at(preset, "paper")] as const);
  const parts = [varying(byRecipe), varying(byPreset)].filter((part) => part !== null);
  return parts.length > 0 ? parts.join("; ") : code(at("full", "paper"));
}

/** `paper, small-data: 0.65; reference-code: 0.5`, or null where all agree. */
function varying(values: (readonly [string, string])[]): string | null {
  const distinct = [...new Set(values.map(([, value]) => value))];
  if (distinct.length < 2) return null;
  const namesOf = (value: string) => values.filter(([, other]) => other === value).map(([name]) => name);
  return distinct.map((value) => `${namesOf(value).join(", ")}: ${code(value)}`).join("; ");
}

function sizesOf(preset: (typeof presetNames)[number]): string {
  const { single, multi } = presets[preset].patch;
  return `\`${single}\`, multi-scale \`${multi}\``;
}

function valueAt(config: Config, path: string[]): unknown {
  return path.reduce((value: unknown, key) => (value as Record<string, unknown>)[key], config);
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const code = (text: string) => `\`${text}\``;
const row = (cells: string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
