import { statSync } from "node:fs";
import { basename, dirname, extname, isAbsolute, join, resolve } from "node:path";
import * as z from "zod";
import { UserError } from "../../engine/errors.js";
import { checkLayer, nearestWord } from "../config/check.js";
import { isConfigFile } from "../config/file.js";
import { isMapping, merge } from "../config/layers.js";
import { namedConfigs } from "../config/named.js";
import { resolveConfig } from "../config/resolve.js";
import { type Config, type PresetName, presetNames, type RecipeName, recipeNames } from "../config/schema.js";
import { readYaml, type YamlFile } from "../config/yaml.js";
import { flatten } from "../statistics/groups.js";

const options = z.record(z.string(), z.unknown());
const named = z.string().regex(/^[\w.-]+$/);
const numbers = z.array(z.int().min(0)).min(1);

/** A plan file. Every setting is combined with every configuration, fold and seed. */
const planSchema = z.strictObject({
  name: named.optional(),
  data: z.string().min(1).optional(),
  configs: z.union([z.literal("all"), z.array(z.string().min(1)).min(1)]),
  preset: z.enum(presetNames).optional(),
  recipe: z.enum(recipeNames).optional(),
  folds: numbers.optional(),
  seeds: numbers.optional(),
  set: options.nullable().optional(),
  settings: z
    .record(named, options.nullable())
    .refine((all) => Object.keys(all).length > 0)
    .optional(),
  evaluate: z.union([z.array(z.string().min(1)), z.record(named, z.string().min(1))]).optional(),
});

/** What each key must be, for messages. */
const expected: Record<string, string> = {
  name: "a name of letters, digits, - _ and .",
  data: "the folder of images, relative to the plan",
  configs: 'a list of configurations, such as [vgg19, ipb-vgg], or "all"; see "equipoise configs"',
  preset: `one of ${presetNames.join(", ")}`,
  recipe: `one of ${recipeNames.join(", ")}`,
  folds: "a list of folds from 0, such as [0, 1, 2]",
  seeds: "a list of seeds from 0, such as [0, 1, 2]",
  set: "options for every run, such as {batch: 16}",
  settings: "names (letters, digits, - _ .) with the options of each, such as {strict: {meta.threshold: 0.9}}",
  evaluate:
    "folders of labelled images to test every run on besides its own test part, such as [../data/test], or {name: folder}",
};

/** One run of a plan. */
export interface PlannedRun {
  /** Name of its folder: configuration, setting, fold and seed. */
  id: string;
  /** Configuration and setting. */
  label: string;
  config: Config;
}

/** A second test of every run. */
export interface PlannedEvaluation {
  /** What its files are named by: `evaluate-<name>.json`. */
  name: string;
  /** Folder of labelled images, absolute. */
  data: string;
}

export interface Plan {
  file: string;
  name: string;
  /** Folder of images, absolute. */
  data: string;
  /** Fold by fold and seed by seed, so that an experiment that is not done yet has all configurations of the same folds. */
  runs: PlannedRun[];
  /** Further labelled images that every run is tested on. */
  evaluations: PlannedEvaluation[];
}

/** What takes the place of a plan's own, so that one plan serves other images and smaller machines. */
export interface PlanChanges {
  /** Folder of images. */
  readonly data?: string;
  readonly preset?: PresetName;
  readonly recipe?: RecipeName;
  readonly folds?: number[];
  readonly seeds?: number[];
}

/**
 * Reads a plan and works out the configuration of every run.
 * @throws UserError naming the file, the line and the key
 */
export function readPlan(file: string, { data, ...changes }: PlanChanges = {}): Plan {
  const yaml = readYaml(file, "plan", 'a plan has at least "data: FOLDER" and "configs: [vgg19]"');
  const parsed = planSchema.safeParse(yaml.content);
  if (!parsed.success) throw new UserError(explain(yaml, file, parsed.error));
  const plan = { ...parsed.data, ...changes };
  const images = data ?? (plan.data === undefined ? undefined : beside(file, plan.data));
  if (images === undefined) throw new UserError(`${file}: "data" is missing: ${expected.data}; or give --data`);
  const common = checked(yaml, ["set"], plan.set ?? {});
  const settings = Object.entries(plan.settings ?? { "": {} }).map(([name, values]) => ({
    name,
    layer: merge(common, checked(yaml, ["settings", name], values ?? {})),
  }));
  const names = plan.configs === "all" ? Object.keys(namedConfigs) : plan.configs;
  const runs = (plan.folds ?? [undefined]).flatMap((fold) =>
    (plan.seeds ?? [undefined]).flatMap((seed) =>
      names.flatMap((name, i) =>
        settings.map((setting) => {
          const place = yaml.place(["configs", i]);
          return planned(
            { ...plan, config: isConfigFile(name) ? beside(file, name) : name, fold, seed },
            setting,
            place,
          );
        }),
      ),
    ),
  );
  checkDistinct(file, runs);
  const evaluations = evaluationsOf(yaml, file, plan.evaluate ?? []);
  return { file, name: plan.name ?? basename(file, extname(file)), data: resolve(images), runs, evaluations };
}

type Choice = Pick<z.infer<typeof planSchema>, "preset" | "recipe"> & {
  config: string;
  fold: number | undefined;
  seed: number | undefined;
};

function planned(choice: Choice, setting: { name: string; layer: object }, place: string): PlannedRun {
  const { config: name, preset, recipe, fold, seed } = choice;
  const set = [...flatten(setting.layer)].map(([key, value]) => `${key}=${value}`);
  let config: Config;
  try {
    config = resolveConfig({ config: name, preset, recipe, fold, seed, set });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${place}: ${setting.name ? `with the setting "${setting.name}": ` : ""}${error.message}`);
  }
  const { labels } = config.data;
  if (labels !== null) config = { ...config, data: { ...config.data, labels: resolve(labels) } };
  const label = setting.name ? `${config.config} ${setting.name}` : config.config;
  const id = `${label} fold${config.data.fold} seed${config.seed}`.replace(/[^\w.-]+/g, "-");
  return { id, label, config };
}

/** Options of `set` or of a setting, with `a.b: 1` taken for `a: {b: 1}`. */
function checked(yaml: YamlFile, at: string[], values: Record<string, unknown>): object {
  const nested = Object.entries(values).map(([key, value]) =>
    key.split(".").reduceRight((inner: unknown, part) => ({ [part]: inner }), value),
  );
  const all = merge(...(nested as object[]));
  const place = (path: readonly string[]) => {
    const found = yaml.place([...at, ...path]);
    return /:\d+$/.test(found) ? found : yaml.place([...at, path.join(".")]);
  };
  const axes = { seed: "seeds", config: "configs", "data.fold": "folds" };
  for (const [key, axis] of Object.entries(axes)) {
    const path = key.split(".");
    const value = path.reduce((inner: unknown, part) => (isMapping(inner) ? inner[part] : undefined), all);
    if (value !== undefined)
      throw new UserError(`${place(path)}: "${key}" cannot be set here: list it under "${axis}" of the plan`);
  }
  return checkLayer(all, place);
}

function checkDistinct(file: string, runs: readonly PlannedRun[]): void {
  const seen = new Set<string>();
  for (const { id } of runs) {
    if (seen.has(id))
      throw new UserError(
        `${file}: the plan has ${id} twice: give each configuration, setting, fold and seed once; ` +
          'configuration files may name themselves by "config: NAME"',
      );
    seen.add(id);
  }
}

/** A list of folders is named by their last parts. */
function evaluationsOf(
  yaml: YamlFile,
  file: string,
  given: readonly string[] | Readonly<Record<string, string>>,
): PlannedEvaluation[] {
  const all = Array.isArray(given)
    ? given.map((path: string, i) => ({ at: i, name: basename(path).replace(/[^\w.-]+/g, "-"), path }))
    : Object.entries(given).map(([name, path]) => ({ at: name, name, path }));
  return all.map(({ at, name, path }, i) => {
    const place = yaml.place(["evaluate", at]);
    if (all.findIndex((other) => other.name === name) !== i)
      throw new UserError(`${place}: there are two sets "${name}": name them: "evaluate: {one: FOLDER, two: FOLDER}"`);
    const data = resolve(beside(file, path));
    if (!statSync(data, { throwIfNoEntry: false })?.isDirectory())
      throw new UserError(`${place}: ${data} is no folder; give ${expected.evaluate}`);
    return { name, data };
  });
}

function explain(yaml: YamlFile, file: string, error: z.ZodError): string {
  if (!isMapping(yaml.content))
    return `${file}: expected a plan with "data" and "configs", found ${JSON.stringify(yaml.content)}`;
  const issue = error.issues.find(({ code }) => code === "unrecognized_keys") ?? error.issues[0];
  const keys = Object.keys(planSchema.shape);
  if (issue?.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return `${yaml.place([key])}: unknown key "${key}"; did you mean "${nearestWord(key, keys)}"? A plan has ${keys.join(", ")}`;
  }
  const path = issue?.path ?? [];
  const key = String(path[0]);
  const value = path.reduce<unknown>((inner, part) => (inner as Record<PropertyKey, unknown>)?.[part], yaml.content);
  if (value === undefined) return `${file}: "${key}" is missing: ${expected[key]}`;
  return `${yaml.place(path)}: "${path.join(".")}" must be ${expected[key]}; found ${JSON.stringify(value)}`;
}

/** A path relative to the folder of the plan. */
function beside(plan: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(plan), path);
}
