import type { Command } from "commander";
import type { Session } from "./session.js";

/** `equipoise doctor`: what stands between this machine and a WebGPU adapter. */
export function addDoctor(program: Command, session: Session): void {
  program
    .command("doctor")
    .description("look for a WebGPU adapter; say what is missing and how to fix it")
    .action(async () => {
      const { ok, text, details } = await session.actions.diagnose();
      session.result(details, text);
      session.code = ok ? 0 : 1;
    });
}
