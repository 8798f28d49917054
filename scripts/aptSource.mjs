/** Adds a suite to an apt source, and takes it back. Both formats: deb822 (`*.sources`) and one line a source (`*.list`). */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Adds a suite to the text of a source file, beside the release it belongs to.
 * @param {string} text content of the file
 * @param {string} file its name decides the format
 * @param {string} release codename, as "bookworm"
 * @param {string} suite as "bookworm-backports"
 * @returns {string | null} the new text; null if the file has no source of that release
 */
export function addSuite(text, file, release, suite) {
  return file.endsWith(".sources") ? addToStanza(text, release, suite) : addLine(text, release, suite);
}

/**
 * @param {string} text
 * @param {string} file
 * @param {string} suite
 * @returns {boolean} true if an enabled source of the file has the suite
 */
export function hasSuite(text, file, suite) {
  const sources = file.endsWith(".sources") ? stanzas(text).map(({ fields }) => fields) : oneLiners(text);
  return sources.some((source) => isEnabled(source) && source.suites.includes(suite));
}

/** @typedef {{ types: string[], suites: string[], components: string[], enabled: boolean }} Source */

/** @param {Source} source */
function isEnabled({ types, enabled }) {
  return enabled && types.includes("deb");
}

/**
 * @param {Source} source
 * @param {string} release
 */
function isMainSource(source, release) {
  const names = [release, "stable", "oldstable", "oldoldstable"];
  return isEnabled(source) && source.suites.some((s) => names.includes(s)) && source.components.includes("main");
}

/**
 * @param {string} text
 * @param {string} release
 * @param {string} suite
 */
function addToStanza(text, release, suite) {
  const stanza = stanzas(text).find(({ fields }) => isMainSource(fields, release));
  if (!stanza) return null;
  const lines = text.split("\n");
  const line = lines[stanza.suitesLine] ?? "";
  lines[stanza.suitesLine] = `${line.trimEnd()} ${suite}`;
  return lines.join("\n");
}

/**
 * @param {string} text deb822: stanzas separated by blank lines; a field goes on in lines that start with a blank
 * @returns {{ suitesLine: number, fields: Source }[]} suitesLine: index of the line with `Suites:`
 */
function stanzas(text) {
  /** @type {{ suitesLine: number, values: Map<string, string> }[]} */
  const found = [];
  /** @type {{ suitesLine: number, values: Map<string, string> } | null} */
  let current = null;
  let key = "";
  for (const [index, line] of text.split("\n").entries()) {
    if (line.trim() === "") current = null;
    if (line.trim() === "" || line.startsWith("#")) continue;
    if (!current) {
      current = { suitesLine: -1, values: new Map() };
      found.push(current);
    }
    const field = /^([^\s:]+):(.*)$/.exec(line);
    key = field ? (field[1] ?? "").toLowerCase() : key;
    if (field && key === "suites") current.suitesLine = index;
    current.values.set(key, `${current.values.get(key) ?? ""} ${field ? field[2] : line}`);
  }
  return found
    .filter(({ suitesLine }) => suitesLine >= 0)
    .map(({ suitesLine, values }) => {
      const words = (/** @type {string} */ name) => (values.get(name) ?? "").split(/\s+/).filter(Boolean);
      const enabled = !/^(no|false|without|off|disable)$/i.test(words("enabled")[0] ?? "yes");
      return {
        suitesLine,
        fields: { types: words("types"), suites: words("suites"), components: words("components"), enabled },
      };
    });
}

const ONE_LINE = /^(\s*deb\s+(?:\[[^\]]*\]\s+)?\S+\s+)(\S+)((?:\s+[^\s#]+)+)/;

/**
 * @param {string} text
 * @returns {Source[]}
 */
function oneLiners(text) {
  return text.split("\n").flatMap((line) => {
    const match = ONE_LINE.exec(line);
    if (!match) return [];
    const components = (match[3] ?? "").trim().split(/\s+/);
    return [{ types: ["deb"], suites: [match[2] ?? ""], components, enabled: true }];
  });
}

/**
 * @param {string} text
 * @param {string} release
 * @param {string} suite
 */
function addLine(text, release, suite) {
  const lines = text.split("\n");
  const index = lines.findIndex((line) => oneLiners(line).some((source) => isMainSource(source, release)));
  const match = ONE_LINE.exec(lines[index] ?? "");
  if (index < 0 || !match) return null;
  lines.splice(index + 1, 0, `${match[1]}${suite} main`);
  return lines.join("\n");
}

/**
 * @param {string} [etc] apt's configuration folder
 * @returns {string[]} the source files that apt reads
 */
export function sourceFiles(etc = "/etc/apt") {
  const parts = join(etc, "sources.list.d");
  const names = existsSync(parts) ? readdirSync(parts).sort() : [];
  const files = names.filter((name) => /\.(list|sources)$/.test(name)).map((name) => join(parts, name));
  return [join(etc, "sources.list"), ...files].filter((path) => existsSync(path));
}

/** apt passes over files of this kind in silence. */
const BACKUP = ".equipoise.bak";

/** @param {string} file */
export function backupOf(file) {
  return `${file}${BACKUP}`;
}

/**
 * Replaces the content of a source file after backing it up beside it. The file is written in place: it keeps its owner and
 * mode, and may be a link or a mount.
 * @param {string} file
 * @param {string} text
 * @returns {() => void} puts the old content back and removes the backup; may be called twice
 */
export function editSource(file, text) {
  const before = readFileSync(file);
  const backup = backupOf(file);
  writeFileSync(backup, before);
  chmodSync(backup, statSync(file).mode & 0o777);
  const restore = () => {
    if (!existsSync(backup)) return;
    writeFileSync(file, before);
    rmSync(backup);
  };
  try {
    writeFileSync(file, text);
  } catch (error) {
    restore();
    throw error;
  }
  return restore;
}

/**
 * Puts back what a killed run left behind. A source that someone has edited since is left as it is.
 * @param {string} file
 * @param {string} release
 * @param {string} suite
 * @returns {boolean} true if the file was restored
 */
export function recoverSource(file, release, suite) {
  const backup = backupOf(file);
  if (!existsSync(backup)) return false;
  const before = readFileSync(backup, "utf8");
  const ours = readFileSync(file, "utf8") === addSuite(before, file, release, suite);
  if (ours) writeFileSync(file, before);
  rmSync(backup);
  return ours;
}
