import { UserError } from "../../engine/errors.js";
import { namedConfigs } from "../config/named.js";
import { resolveConfig } from "../config/resolve.js";
import type { PlannedName } from "./planned.js";
import type { FinishedRun, RunConfig } from "./runs.js";

/** What grouping needs to know of a run, finished or not. */
export interface GroupableRun {
  folder: string;
  config: RunConfig;
  fold: number;
  seed: number;
  classes: string[];
  /** What the plan of an experiment calls it; null for a run without one, or a plan without settings. */
  planned: PlannedName | null;
}

/** Runs of one configuration that differ in fold and seed alone. */
export interface RunGroup<R extends GroupableRun = FinishedRun> {
  /**
   * Configuration and setting of a plan, `ipb-vgg strict`; for runs without such a name the configuration and what tells it from the
   * other groups: `ipb-vgg (recipe=paper, meta.threshold=0.5)`.
   */
  label: string;
  /** Other names by which a user may mean it: those of plans, and the one by options. */
  aliases: string[];
  /** In the order of fold, then seed. */
  runs: R[];
}

/** Options that change how a run goes, not what comes out of it; and those that the runs of a group differ in. */
const without = new Set([
  "seed",
  "data.fold",
  "checkpointMinutes",
  "logEvery",
  "workers",
  "cacheMegabytes",
  "memory.recompute",
]);

/** Every option as `a.b.c` and its value as JSON; lists are whole. */
export function flatten(value: object, prefix = ""): Map<string, string> {
  const flat = new Map<string, string>();
  for (const [key, inner] of Object.entries(value)) {
    const path = `${prefix}${key}`;
    if (typeof inner === "object" && inner !== null && !Array.isArray(inner))
      for (const [deep, text] of flatten(inner as object, `${path}.`)) flat.set(deep, text);
    else flat.set(path, JSON.stringify(inner));
  }
  return flat;
}

/** The options of a run that decide what it is a run of: all but fold, seed and those of speed. */
export function decisive(config: object): Map<string, string> {
  return new Map([...flatten(config)].filter(([key]) => !without.has(key)));
}

/**
 * Groups runs by what they are runs of, in the order in which the configurations come.
 * @param varied a further option in which the runs of a group may differ (so that a fold and seed comes several times)
 * @throws UserError when the runs do not have the same classes, or a group has two runs of one fold and seed
 */
export function groupRuns<R extends GroupableRun>(runs: readonly R[], varied: string | null = null): RunGroup<R>[] {
  checkClasses(runs);
  const groups = new Map<string, R[]>();
  for (const run of runs) {
    const options = [...decisive(run.config)].filter(([key]) => key !== varied);
    const key = JSON.stringify(options.sort());
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  const all = [...groups.values()].map((members) => members.sort((a, b) => a.fold - b.fold || a.seed - b.seed));
  const names = namesOf(all, varied);
  return all.map((members, i) => {
    const { label, aliases } = names[i] as GroupName;
    if (varied === null) checkPairs(label, members);
    return { label, aliases, runs: members };
  });
}

type GroupName = Pick<RunGroup, "label" | "aliases">;

/**
 * The name that plans give to the runs of a group where they agree on one. Namesakes are told apart by their plans, and where even these
 * have the same name by their options. Groups without such a name are called by the options in which they differ from each other.
 */
function namesOf(groups: readonly (readonly GroupableRun[])[], varied: string | null): GroupName[] {
  const firsts = groups.map((members) => members[0] as GroupableRun);
  const options = distinctOptions(firsts, varied);
  const given = groups.map(plannedNames);
  const unnamed = firsts.filter((_, i) => given[i]?.label === null);
  const shorter = distinctOptions(unnamed, varied);
  const candidates = firsts.map((run, i) => {
    const { label, plans } = given[i] as PlannedNames;
    const { config } = run.config;
    const all = bracketed(config, options[i] ?? []);
    if (label === null) return [bracketed(config, shorter[unnamed.indexOf(run)] ?? []), all];
    return [label, bracketed(label, [plans]), bracketed(label, [plans, ...(options[i] ?? [])]), all];
  });
  return candidates.map((own, i) => {
    const taken = new Set(candidates.flatMap((other, j) => (j === i ? [] : other)));
    const label = own.find((candidate) => !taken.has(candidate)) ?? (own.at(-1) as string);
    return { label, aliases: [...new Set([...(given[i]?.labels ?? []), ...own])] };
  });
}

interface PlannedNames {
  /** The one that all plans give; null where there is none. */
  label: string | null;
  labels: string[];
  plans: string;
}

function plannedNames(runs: readonly GroupableRun[]): PlannedNames {
  const planned = runs.flatMap((run) => run.planned ?? []);
  const labels = [...new Set(planned.map(({ label }) => label))];
  const plans = `plan ${[...new Set(planned.map(({ plan }) => plan))].join(" + ")}`;
  return { label: labels.length === 1 ? (labels[0] as string) : null, labels, plans };
}

function bracketed(name: string, parts: readonly string[]): string {
  return parts.length === 0 ? name : `${name} (${parts.join(", ")})`;
}

function checkClasses(runs: readonly GroupableRun[]): void {
  const [first] = runs;
  const other = runs.find((run) => run.classes.join("\n") !== first?.classes.join("\n"));
  if (first === undefined || other === undefined) return;
  throw new UserError(
    `${other.folder} has the classes ${other.classes.join(", ")}, but ${first.folder} has ${first.classes.join(", ")}: ` +
      "make one table per set of classes",
  );
}

function checkPairs(label: string, runs: readonly GroupableRun[]): void {
  for (const [i, run] of runs.entries()) {
    const before = runs[i - 1];
    if (before === undefined || before.fold !== run.fold || before.seed !== run.seed) continue;
    throw new UserError(
      `${before.folder} and ${run.folder}: both are ${label}, fold ${run.fold}, seed ${run.seed}; give only one of them`,
    );
  }
}

/** Recipe and preset where these differ, and the options that tell runs of one configuration apart, as `key=value`. */
function distinctOptions(runs: readonly GroupableRun[], varied: string | null): string[][] {
  const settings = runs.map((run) => ownSettings(run.config));
  const ofAll = ["recipe", "preset"].filter((key) => new Set(settings.map((own) => own.get(key))).size > 1);
  return runs.map((run, i) => {
    const own = settings[i] as Map<string, string>;
    const namesakes = settings.filter((_, j) => runs[j]?.config.config === run.config.config);
    const keys = [...new Set(namesakes.flatMap((other) => [...other.keys()]))].filter(
      (key) =>
        !["config", "recipe", "preset", varied].includes(key) &&
        new Set(namesakes.map((other) => other.get(key))).size > 1,
    );
    const all = flatten(run.config);
    return [...ofAll, ...keys].map((key) => `${key}=${plain(own.get(key) ?? all.get(key) ?? "unset")}`);
  });
}

/** The options that configuration, recipe and preset do not explain; all of them where there is no such configuration. */
function ownSettings(config: RunConfig): Map<string, string> {
  const own = decisive(config);
  if (!Object.hasOwn(namedConfigs, config.config)) return own;
  let expected: Map<string, string>;
  try {
    const { config: name, recipe, preset } = config;
    expected = flatten(resolveConfig({ config: name, recipe, preset }));
  } catch {
    return own;
  }
  const kept = ["config", "recipe", "preset"];
  return new Map([...own].filter(([key, value]) => kept.includes(key) || expected.get(key) !== value));
}

function plain(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
