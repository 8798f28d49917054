import type { Actions } from "./actions.js";

/** The functions behind the commands, each module loaded by the first command that needs it. */
export const actions: Actions = {
  async diagnose() {
    const { diagnose, formatDiagnosis } = await import("./diagnose.js");
    const details = await diagnose();
    return { ok: details.ok, text: formatDiagnosis(details), details };
  },
  async adapters() {
    const [{ listNodeAdapters }, { adapterInfo }] = await Promise.all([
      import("../engine/node.js"),
      import("../engine/device.js"),
    ]);
    const adapters = await listNodeAdapters();
    return adapters.map((adapter) => ({
      ...adapterInfo(adapter),
      features: [...adapter.features].sort(),
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
    }));
  },
  async synthesise(out, options) {
    const { synthesise } = await import("../pipeline/synth/index.js");
    return synthesise(out, options);
  },
  async synthesiseWells(out, options) {
    const { synthesiseWells } = await import("../pipeline/synth/wells/index.js");
    return synthesiseWells(out, options);
  },
  async scoreDetection(folder, truth, options) {
    const { scoreFolder } = await import("../pipeline/detect/scoreFolder.js");
    return scoreFolder(folder, truth, options);
  },
  async importFashionMnist(out, options) {
    const { importFashionMnist } = await import("../pipeline/data/importFashionMnist.js");
    return importFashionMnist(out, options);
  },
  async importPth(file, out, part) {
    const { importPth } = await import("../pipeline/checkpoints/importPth.js");
    return importPth(file, out, part);
  },
  async detectWells(wells, options) {
    const { detectWells } = await import("../pipeline/detect/run/detectRun.js");
    return detectWells(wells, options);
  },
  async trainRun(options) {
    const { trainRun } = await import("../pipeline/run/index.js");
    return trainRun(options);
  },
  async resumeRun(run, options) {
    const { resumeRun } = await import("../pipeline/run/index.js");
    return resumeRun(run, options);
  },
  async evaluateRun(run, options) {
    const { evaluateRun } = await import("../pipeline/run/index.js");
    return evaluateRun(run, options);
  },
  async predictRun(run, images, options) {
    const { predictRun } = await import("../pipeline/run/index.js");
    return predictRun(run, images, options);
  },
  async mapClasses(run, images, options) {
    const { classMapRun } = await import("../pipeline/classMap/classMapRun.js");
    return classMapRun(run, images, options);
  },
  async timecourse(predictions, options) {
    const { timecourseRun } = await import("../pipeline/timecourse/timecourseRun.js");
    return timecourseRun(predictions, options);
  },
  async profile(options) {
    const { profileForConfig } = await import("../pipeline/profile/index.js");
    return profileForConfig(options);
  },
  async compareProfiles(before, after) {
    const { compareProfiles, readProfile } = await import("../pipeline/profile/index.js");
    return compareProfiles(readProfile(before), readProfile(after), [before, after]);
  },
  async profileKernel({ settings: texts, adapter, ...request }) {
    const { addSetting, profileKernelFile } = await import("../pipeline/profile/index.js");
    const settings = new Map<string, string>();
    for (const text of texts) addSetting(settings, text);
    return profileKernelFile({ ...request, settings }, adapter);
  },
  async tune(options) {
    const { tuneForConfig } = await import("../pipeline/tuning/tuneRun.js");
    return tuneForConfig(options);
  },
  async summarize(options) {
    const { summarizeForTraining } = await import("../pipeline/summary/index.js");
    return summarizeForTraining(options);
  },
  async runRawTensors(options) {
    const { runRawTensors } = await import("../pipeline/rawTensors/index.js");
    return runRawTensors(options);
  },
  async writeReport(runs, out, options) {
    const { writeReports } = await import("../pipeline/report/index.js");
    return writeReports([runs].flat(), { ...options, ...(out !== undefined && { out }) });
  },
  async runExperiment(options) {
    const [{ runExperiment }, runner] = await Promise.all([
      import("../pipeline/experiment/index.js"),
      import("../pipeline/run/index.js"),
    ]);
    return runExperiment(options, runner);
  },
  async tableOfRuns(folders, { format, out, ...options }) {
    const { formatOf, formatResultTable, tableOfRuns } = await import("../pipeline/statistics/index.js");
    const table = tableOfRuns(folders, options);
    const wanted = format ?? (out === undefined ? null : formatOf(out)) ?? "markdown";
    return { table, text: formatResultTable(table, wanted) };
  },
  async writeFigures(folders, out, options) {
    const { writeFigures } = await import("../pipeline/figures/index.js");
    return writeFigures(folders, out, options);
  },
};
