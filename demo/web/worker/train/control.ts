import { UserError } from "../../../../engine/errors.js";
import { runFiles } from "../../../../pipeline/run/store.js";
import type { RunLog, RunResult } from "../../../../pipeline/run/types.js";
import type { DeviceProvider } from "../device.js";
import type { RunFacts, TrainEvent, TrainStatus } from "./events.js";
import { pageData } from "./images.js";
import { alone } from "./oneTab.js";
import { drive, type PageRun, partCounts } from "./training.js";

class Paused extends Error {}

const nothing: TrainStatus = { state: "none", message: "", run: null, result: null };

/** The one run of the page: sets it going, stops it, and tells how it stands. */
export class RunControl {
  private current: PageRun | null = null;
  private stop: AbortController | null = null;
  private ended: Promise<void> = Promise.resolve();
  private status = nothing;

  constructor(
    private readonly devices: DeviceProvider,
    private readonly report: (event: TrainEvent) => void,
  ) {}

  get hasRun(): boolean {
    return this.current !== null;
  }

  /** @throws UserError where there is none */
  get run(): PageRun {
    if (this.current) return this.current;
    throw new UserError("nothing was trained yet: start a training");
  }

  /** Takes a run over as it is kept, paused or finished. */
  async show(run: PageRun): Promise<void> {
    this.current = run;
    const text = await run.store.read(runFiles.result);
    const result = text && (JSON.parse(new TextDecoder().decode(text)) as RunResult);
    const facts = this.facts(run);
    this.tellMetrics(run.store.text(runFiles.metrics));
    this.say({ state: result ? "done" : "paused", message: "", run: facts, result });
  }

  /** Begins a run. @param facts what it learns from */
  start(run: PageRun, facts: RunFacts): void {
    this.current = run;
    this.say({ run: facts, result: null });
    this.go(run);
  }

  /** Goes on from the last checkpoint. @param run as the browser keeps it: another tab may have gone on with it */
  resume(run: PageRun | null): void {
    if (!this.current || this.stop) return;
    this.current = run ?? this.current;
    this.go(this.current);
  }

  /** Stops behind a checkpoint, from which `resume` goes on. */
  async pause(): Promise<void> {
    if (!this.stop) return;
    this.say({ state: "pausing", message: "Saving" });
    this.stop.abort(new Paused("paused"));
    await this.ended;
  }

  forget(): void {
    this.current = null;
    this.say(nothing);
  }

  /** Where a run says what happens. */
  readonly log: RunLog = {
    info: (text) => this.report({ kind: "log", text, warning: false }),
    warn: (text) => this.report({ kind: "log", text, warning: true }),
    progress: ({ label, done, total }) => {
      // A new device has to compile everything again: until then the loss is what there is to say.
      if (this.status.state === "recovering" && !label.startsWith("compiling"))
        this.say({ state: "running", message: "" });
      this.report({ kind: "progress", label, done, total, at: performance.now() });
    },
    confirm: async () => true,
  };

  /** What a run learns from. @throws UserError for images, labels or options that do not fit */
  facts({ config, set }: Omit<PageRun, "store">): RunFacts {
    const page = pageData(set);
    const { classes } = page.dataset;
    const parts = partCounts(config, page, this.log);
    return { method: config.method, model: config.model, classes, parts, batch: config.batch };
  }

  private go(run: PageRun): void {
    const stop = new AbortController();
    this.stop = stop;
    this.say({ state: "running", message: "" });
    const onBegin = (metrics: string) => this.tellMetrics(metrics);
    const onLost = (error: Error) => this.say({ state: "recovering", message: error.message });
    const options = { log: this.log, signal: stop.signal, onBegin, onLost };
    this.ended = alone(() => drive(this.devices, run, options))
      .then(
        (result) => this.say({ state: "done", message: "", result }),
        (error: Error) => {
          const isPause = error instanceof Paused;
          this.say({ state: isPause ? "paused" : "failed", message: isPause ? "" : error.message });
        },
      )
      .finally(() => {
        this.stop = null;
      });
  }

  /** The metrics from their beginning. */
  private tellMetrics(text: string): void {
    this.report({ kind: "metrics", lines: text.split("\n").filter((line) => line !== ""), again: true });
  }

  private say(change: Partial<TrainStatus>): void {
    this.status = { ...this.status, ...change };
    this.report({ kind: "status", status: this.status });
  }
}
