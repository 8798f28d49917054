import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { UserError } from "../../../engine/errors.js";
import { type ConfigRequest, resolveConfig } from "../../../pipeline/config/resolve.js";

export const folder = mkdtempSync(join(tmpdir(), "equipoise-config-"));
afterAll(() => rmSync(folder, { recursive: true }));

export function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The message of the UserError that a request ends in. */
export function refusal(request: ConfigRequest): string {
  try {
    resolveConfig(request);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error(`${JSON.stringify(request)} was accepted`);
}
