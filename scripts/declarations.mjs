/** Reads what a module exports, with its doc comments, from the declarations (`.d.ts`) that the compiler writes. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @typedef {object} Declaration
 * @property {string} name
 * @property {"function" | "class" | "interface" | "type" | "const"} kind
 * @property {string} doc text of its comment, without stars; empty if it has none
 * @property {string} code the declaration without its comment, `export` and `declare`
 * @property {string} file where it stands
 */

/**
 * The exports of a module in their order, those of the modules that it re-exports in theirs.
 * @param {string} file a `.d.ts`
 * @returns {Map<string, Declaration>} by exported name
 * @throws {Error} naming the export that is not found
 */
export function exportsOf(file) {
  const statements = statementsOf(readFileSync(file, "utf8"));
  const local = new Map(statements.flatMap((one) => declarationOf(one, file)).map((one) => [one.name, one]));
  /** @type {Map<string, Declaration>} */
  const found = new Map();
  for (const { code } of statements) {
    const star = /^export \* from "(.+)";$/.exec(code);
    const list = /^export (?:type )?\{([^}]*)\}(?: from "(.+)")?;$/s.exec(code);
    if (star) for (const [name, one] of exportsOf(resolveModule(file, star[1] ?? ""))) found.set(name, one);
    else if (list) {
      const source = list[2] === undefined ? local : exportsOf(resolveModule(file, list[2]));
      for (const [name, as] of namesOf(list[1] ?? "")) found.set(as, { ...get(source, name, file), name: as });
    } else if (code.startsWith("export ")) {
      const one = declarationOf({ code, doc: "" }, file)[0];
      if (one) found.set(one.name, get(local, one.name, file));
    }
  }
  return found;
}

/**
 * @param {Map<string, Declaration>} declarations
 * @param {string} name
 * @param {string} file
 */
function get(declarations, name, file) {
  const found = declarations.get(name);
  if (!found) throw new Error(`${file}: exports ${name}, whose declaration was not found`);
  return found;
}

/**
 * @param {string} from
 * @param {string} specifier as "./device.js"
 */
function resolveModule(from, specifier) {
  return join(dirname(from), specifier.replace(/\.js$/, ".d.ts"));
}

/**
 * @param {string} list of an export clause
 * @returns {[name: string, as: string][]}
 */
function namesOf(list) {
  return list
    .split(",")
    .map((part) => part.trim().replace(/^type /, ""))
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", as = name] = part.split(/\s+as\s+/);
      return [name, as];
    });
}

const HEAD = /^(?:export )?(?:declare )?(?:abstract )?(function|class|interface|type|const) ([\w$]+)/;

/**
 * @param {Statement} statement
 * @param {string} file
 * @returns {Declaration[]} one or none
 */
function declarationOf({ code, doc }, file) {
  const [, kind, name] = HEAD.exec(code) ?? [];
  if (!kind || !name) return [];
  const text = code.replace(/^(export )?(declare )?/, "");
  return [{ name, kind: /** @type {Declaration["kind"]} */ (kind), doc, code: withoutPrivate(text), file }];
}

/** @typedef {{ code: string, doc: string }} Statement */

/**
 * @param {string} text of a declaration file
 * @returns {Statement[]}
 */
function statementsOf(text) {
  /** @type {Statement[]} */
  const statements = [];
  let [begin, depth, doc] = [0, 0, ""];
  for (const { at, token } of tokensOf(text)) {
    if (depth === 0 && token.startsWith("/*") && text.slice(begin, at).trim() === "") {
      doc = token.startsWith("/**") ? commentText(token) : doc;
      begin = at + token.length;
    } else if (depth === 0 && token.startsWith("//")) begin = at + token.length;
    else if ("{([".includes(token)) depth++;
    else if ("})]".includes(token)) depth--;
    const code = text.slice(begin, at + token.length).trim();
    const ends = token === ";" || (token === "}" && /^(export )?(declare )?(abstract )?(class|interface)\b/.test(code));
    if (depth !== 0 || !ends) continue;
    statements.push({ code, doc });
    [begin, doc] = [at + token.length, ""];
  }
  return statements;
}

/** Comments, strings, brackets and semicolons. @param {string} text */
function* tokensOf(text) {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`|[{}()[\];]/g;
  for (const match of text.matchAll(pattern)) yield { at: match.index, token: match[0] };
}

/** @param {string} comment */
function commentText(comment) {
  return comment
    .replace(/^\/\*\*|\*\/$/g, "")
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim();
}

/** A class as its users see it. @param {string} code */
function withoutPrivate(code) {
  return code.replace(/\n(\s*\/\*\*(?:[^*]|\*(?!\/))*\*\/)?\s*(private|#private)\b[^\n]*;/g, "");
}
