/**
 * Writes the API reference, `docs/api/`, from the doc comments: `npm run docs`. With `--check` it only says whether the reference is
 * that of the sources.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { buildTypes } from "./build.mjs";
import { posixRelative } from "./bundle.mjs";
import { exportsOf } from "./declarations.mjs";
import { isMain } from "./isMain.mjs";
import { SetupError, say } from "./run.mjs";

/** @typedef {import("./declarations.mjs").Declaration} Declaration */

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** Entry points that the reference covers. */
const ENTRIES = [
  { page: "engine", module: "engine/index", about: "Devices, tensors, tapes, operations, optimisers. Needs no Node." },
  { page: "models", module: "models/index", about: "Networks and their weights files. Needs no Node." },
  { page: "node", module: "engine/node", about: "Opens devices in Node." },
];

/**
 * @param {string} types folder with the declarations of the project
 * @returns {Map<string, string>} pages by file name
 */
export function apiPages(types) {
  /** @type {Map<string, string>} */
  const pages = new Map();
  const rows = [];
  for (const { page, module, about } of ENTRIES) {
    const all = [...exportsOf(join(types, `${module}.d.ts`)).values()];
    pages.set(`${page}.md`, pageOf(page, about, all, types));
    rows.push(`| [\`equipoise/${page}\`](${page}.md) | ${all.length} | ${about} |`);
  }
  const table = ["| import | exports | |", "| --- | ---: | --- |", ...rows];
  const how =
    "Generated from the doc comments by `npm run docs`. How to use it in a page: [embedding.md](../embedding.md).";
  pages.set("README.md", ["# API reference", "", how, "", ...table, ""].join("\n"));
  return pages;
}

/**
 * @param {string} page
 * @param {string} about
 * @param {readonly Declaration[]} all
 * @param {string} types
 */
function pageOf(page, about, all, types) {
  /** @type {Map<string, Declaration[]>} */
  const byFile = new Map();
  for (const one of all) {
    const file = posixRelative(types, one.file).replace(/\.d\.ts$/, ".ts");
    byFile.set(file, [...(byFile.get(file) ?? []), one]);
  }
  const anchors = anchorsOf([...byFile.values()].flat());
  const contents = [...byFile].map(([file, list]) => {
    return `- ${file}: ${list.map(({ name }) => `[${name}](#${anchors.get(name)})`).join(", ")}`;
  });
  const parts = [
    `# equipoise/${page}`,
    about,
    "Generated from the doc comments by `npm run docs`.",
    contents.join("\n"),
  ];
  for (const [file, list] of byFile) {
    parts.push(`## ${file}`);
    for (const one of list) parts.push(...declarationParts(one, file));
  }
  return `${parts.join("\n\n")}\n`;
}

/**
 * Anchors of headings as GitHub makes them: in lower case, numbered where two are alike (`Adapter`, `adapter`).
 * @param {readonly Declaration[]} all in the order of their headings
 * @returns {Map<string, string>}
 */
function anchorsOf(all) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return new Map(
    all.map(({ name }) => {
      const anchor = name.toLowerCase();
      const before = seen.get(anchor) ?? 0;
      seen.set(anchor, before + 1);
      return [name, before === 0 ? anchor : `${anchor}-${before}`];
    }),
  );
}

/**
 * @param {Declaration} declaration
 * @param {string} file of the source
 */
function declarationParts({ name, kind, doc, code }, file) {
  const { text, tags } = splitDoc(doc);
  return [
    `### ${name}`,
    `*${kind}*, [source](../../${file})`,
    ...(text ? [text] : []),
    ...(tags.length > 0 ? [tags.map(tagLine).join("\n")] : []),
    `\`\`\`ts\n${code.replace(/^ {4}/gm, "  ")}\n\`\`\``,
  ];
}

/**
 * @param {string} doc
 * @returns {{ text: string, tags: string[] }} tags without their `@`
 */
function splitDoc(doc) {
  const [text = "", ...tags] = doc.replace(/\{@link (\w+)\}/g, "`$1`").split(/(?:^|\s)@(?=param|returns|throws)/);
  return { text: text.trim(), tags: tags.map((tag) => tag.trim().replace(/\s*\n\s*/g, " ")) };
}

/** @param {string} tag */
function tagLine(tag) {
  const param = /^param (\S+)\s*(.*)$/.exec(tag);
  if (param) return `- \`${param[1]}\`: ${param[2]}`;
  return `- ${tag.replace(/^(returns|throws)\s*/, "$1: ")}`;
}

/**
 * @param {Map<string, string>} pages
 * @param {string} folder
 * @returns {string[]} names of the files that differ
 */
export function outdated(pages, folder) {
  const read = (/** @type {string} */ name) =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : "";
  return [...pages].filter(([name, text]) => read(name) !== text).map(([name]) => name);
}

/** @param {string[]} args */
async function main(args) {
  const types = mkdtempSync(join(tmpdir(), "equipoise-types-"));
  const folder = join(PROJECT, "docs/api");
  try {
    await buildTypes(PROJECT, types);
    const pages = apiPages(types);
    const old = outdated(pages, folder);
    if (args.includes("--check") && old.length > 0)
      throw new SetupError(`docs/api: ${old.join(", ")} differ from the doc comments: run \`npm run docs\``);
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of pages) writeFileSync(join(folder, name), text);
    say(old.length > 0 ? `wrote ${old.map((name) => `docs/api/${name}`).join(", ")}` : "docs/api is up to date");
  } finally {
    rmSync(types, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  main(process.argv.slice(2)).catch((error) => {
    say(`equipoise: ${error.message}`);
    process.exitCode = 1;
  });
}
