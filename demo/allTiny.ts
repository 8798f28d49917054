import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { experiment } from "../cli/experiment.js";
import { table } from "../cli/format.js";
import { actions } from "../cli/lazyActions.js";
import { Session } from "../cli/session.js";
import { duration, percent } from "../pipeline/format.js";
import { writeJson } from "../pipeline/run/folder.js";
import { makeImages } from "./images.js";
import { summariseRuns } from "./summary.js";

const plan = join("experiments", "all-tiny.yaml");
const data = join("data", "all-tiny");
const out = "runs";
const imagesSeed = 0;

const caution =
  "Few drawn images and few, short epochs: it shows that every configuration trains end to end, not which of them is better.";

/**
 * Every named configuration end to end at the smallest size, one after the other: images are drawn, runs trained and tested,
 * then compared. Started again, it goes on where it was stopped. `--record FOLDER` keeps what is small of the outcome.
 * @returns exit code: 1 if a run failed
 */
async function allTiny(): Promise<number> {
  const { values } = parseArgs({ options: { record: { type: "string" } } });
  const session = new Session({ stdout: process.stdout, stderr: process.stderr, ask: null, env: process.env }, actions);
  await makeImages(session, data, imagesSeed);
  const { folder, runs } = await experiment(session, plan, { out, tune: "off" });
  const done = runs.filter((run) => run.status === "done");
  if (done.length === 0) return session.code;
  const summary = summariseRuns(done);
  writeJson(join(folder, "summary.json"), summary);
  const report = await session.actions.writeReport(folder, undefined, { data });
  const rows = summary.runs.map(({ configuration, method, model, seconds, student, teacher }) => [
    `${configuration} (${method}, ${model})`,
    duration(seconds),
    percent(teacher),
    percent(student),
  ]);
  const total = duration(summary.runs.reduce((sum, { seconds }) => sum + seconds, 0));
  process.stdout.write(
    `\n${table([["balanced accuracy on the test part", "time", "teacher", "student"], ...rows])}\n\n` +
      `${readFileSync(join(folder, "table.md"), "utf8").trimEnd()}\n\n${caution} Chance is ${percent(summary.chance)}; ` +
      `${summary.testImages} test images; ${total} of training and testing.\nreport: ${report}\n`,
  );
  if (values.record !== undefined) {
    mkdirSync(values.record, { recursive: true });
    for (const name of ["table.md", "runs.csv", "summary.json"])
      copyFileSync(join(folder, name), join(values.record, name));
    process.stdout.write(`kept in ${values.record}: table.md, runs.csv, summary.json\n`);
  }
  return session.code;
}

try {
  process.exitCode = await allTiny();
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof Error && "exitCode" in error ? Number(error.exitCode) : 1;
}
