import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { AdapterInfo, ChoiceRecord, Choices } from "../../engine/index.js";
import { readJson, writeAtomic, writeJson } from "../run/folder.js";
import { type ChoiceShelf, ChoiceStore, parseChoices } from "./choiceStore.js";

/** The tuner's choices for an adapter in a folder: default `tuning` in the user's cache folder for Equipoise. */
export function openChoices(info: AdapterInfo, folder = join(cacheFolder(), "tuning")): Promise<ChoiceStore> {
  return ChoiceStore.open(info, folderShelf(folder));
}

function folderShelf(folder: string): ChoiceShelf {
  const nameOf = (name: string) => join(folder, name);
  return {
    nameOf,
    fix: "run `equipoise tune` to replace it",
    read: async (name) => (existsSync(nameOf(name)) ? readFileSync(nameOf(name), "utf8") : null),
    write: async (name, text) => {
      mkdirSync(dirname(nameOf(name)), { recursive: true });
      writeAtomic(nameOf(name), text);
    },
  };
}

/** Keeps the choices of a run in its folder. */
export function writeChoices(file: string, choices: Choices): void {
  writeJson(file, choices.record());
}

/** The choices of a run; none where the file is missing. @throws UserError naming a file that was damaged */
export function readChoices(file: string): ChoiceRecord {
  if (!existsSync(file)) return {};
  return parseChoices(readJson(file, "remove it to use the default kernels"), file);
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
