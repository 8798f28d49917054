import type { Network } from "../../models/index.js";
import { type MethodFacts, methods } from "../methods.js";
import type { RunState, StateTensors } from "./checkpoint.js";
import type { Workspace } from "./workspace.js";

/** The networks of a run. */
export class RunNetworks {
  readonly student: Network;
  /** Null for methods without a teacher. */
  readonly teacher: Network | null;
  /** The student's moving average; null where none is kept. */
  readonly average: Network | null;

  constructor(ws: Workspace) {
    const { config } = ws;
    const { teacher, phases } = methods[config.method] as MethodFacts;
    this.student = ws.network("student");
    this.teacher = teacher ? ws.network("teacher") : null;
    this.average = phases.includes("train") && config.ema > 0 ? ws.network("student") : null;
  }

  /** Weights and statistics, as a checkpoint names them. */
  get tensors(): StateTensors {
    const own = Object.entries(this.byName()).flatMap(([name, n]) => [
      [`${name}.values`, n.arena.values],
      [`${name}.buffers`, n.buffers.all],
    ]);
    return Object.fromEntries(own);
  }

  /** Forward passes that the batch norms of each network have seen. */
  get batchesTracked(): RunState["batchesTracked"] {
    const own = Object.entries(this.byName()).map(([name, n]) => [name, Object.fromEntries(n.batchesTracked)]);
    return Object.fromEntries(own);
  }

  /** Puts the counts of a checkpoint back. */
  setBatchesTracked(tracked: RunState["batchesTracked"]): void {
    for (const [name, network] of Object.entries(this.byName())) {
      for (const [key, n] of Object.entries(tracked[name] ?? {})) network.batchesTracked.set(key, n);
    }
  }

  release(): void {
    for (const network of Object.values(this.byName())) network.release();
  }

  private byName(): Record<string, Network> {
    const { student, teacher, average } = this;
    return { student, ...(teacher && { teacher }), ...(average && { average }) };
  }
}
