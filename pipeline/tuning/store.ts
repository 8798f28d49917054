import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { z } from "zod";
import * as kernels from "../../engine/generated/kernels.js";
import { type AdapterInfo, type ChoiceRecord, type Choices, UserError } from "../../engine/index.js";
import { readJson, reason, writeJson } from "../run/folder.js";

const fileSchema = z.object({
  adapter: z.string(),
  kernels: z.string(),
  choices: z.record(z.string(), z.string()),
});

/** Where the tuner's choices are kept between runs: one file per adapter and version of the kernels. */
export class ChoiceStore {
  readonly file: string;
  private readonly adapter: string;
  private readonly kernels: string;

  /** @param folder default: `tuning` in the user's cache folder for Equipoise */
  constructor(info: AdapterInfo, folder = join(cacheFolder(), "tuning")) {
    this.adapter = [info.vendor, info.architecture, info.device, info.description].join(" ").trim();
    this.kernels = kernelDigest();
    const name = (info.device || info.description || "adapter").toLowerCase().replace(/[^a-z0-9]+/g, "-");
    const digest = createHash("sha256").update(`${this.adapter}\n${this.kernels}`).digest("hex");
    this.file = join(folder, `${name.slice(0, 40)}-${digest.slice(0, 12)}.json`);
  }

  /** What was tuned before; empty if nothing was. @param onProblem is told of a file that cannot be used */
  load(onProblem: (text: string) => void): ChoiceRecord {
    if (!existsSync(this.file)) return {};
    try {
      const value = fileSchema.parse(JSON.parse(readFileSync(this.file, "utf8")));
      if (value.adapter === this.adapter && value.kernels === this.kernels) return value.choices;
      onProblem(
        `${this.file}: belongs to another adapter or version and is not used; run \`equipoise tune\` to replace it`,
      );
    } catch (error) {
      onProblem(
        `${this.file}: cannot be read and is not used (${reason(error)}); run \`equipoise tune\` to replace it`,
      );
    }
    return {};
  }

  /** Adds choices to those that are kept. */
  save(choices: ChoiceRecord): void {
    mkdirSync(dirname(this.file), { recursive: true });
    const merged = { ...this.load(() => {}), ...choices };
    writeJson(this.file, { adapter: this.adapter, kernels: this.kernels, choices: merged });
  }
}

const choicesSchema = z.record(z.string(), z.string());

/** Keeps the choices of a run in its folder. */
export function writeChoices(file: string, choices: Choices): void {
  writeJson(file, choices.record());
}

/** The choices of a run; none where the file is missing. @throws UserError naming a file that was damaged */
export function readChoices(file: string): ChoiceRecord {
  if (!existsSync(file)) return {};
  const value = choicesSchema.safeParse(readJson(file, "remove it to use the default kernels"));
  if (value.success) return value.data;
  throw new UserError(`${file}: is no list of kernel variants by shape: remove it to use the default kernels`);
}

/** The user's cache folder for this program, where the platform keeps such; `EQUIPOISE_CACHE` overrides it. */
function cacheFolder(): string {
  const { EQUIPOISE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (EQUIPOISE_CACHE) return EQUIPOISE_CACHE;
  if (process.platform === "darwin") return join(homedir(), "Library", "Caches", "equipoise");
  if (process.platform === "win32")
    return join(LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "equipoise", "cache");
  return join(XDG_CACHE_HOME || join(homedir(), ".cache"), "equipoise");
}

/** Changes with any kernel: what was fastest then need not be now. */
function kernelDigest(): string {
  const hash = createHash("sha256");
  for (const { name, code } of Object.values(kernels)) hash.update(name).update(code);
  return hash.digest("hex").slice(0, 16);
}
