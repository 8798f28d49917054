import { readFileSync } from "node:fs";
import { isNode, LineCounter, parseDocument } from "yaml";
import { UserError } from "../../engine/errors.js";

/** A YAML file as read, and where its keys are. */
export interface YamlFile {
  content: unknown;
  /** `file:line` of a key, or the file alone where there is no such key. */
  place(path: readonly PropertyKey[]): string;
}

/**
 * Reads a YAML file.
 * @param what is to be in it, for messages
 * @param advice for a file that is missing
 * @throws UserError for a missing file or a YAML error, with its line
 */
export function readYaml(file: string, what: string, advice: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(readText(file, what, advice), { lineCounter: lines });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const line = problem.linePos?.[0].line;
    throw new UserError(`${file}${line ? `:${line}` : ""}: not valid YAML: ${problem.message.split("\n")[0]}`);
  }
  return {
    content: document.toJS() ?? {},
    place: (path) => {
      const node = document.getIn(path, true);
      const offset = isNode(node) ? node.range?.[0] : undefined;
      return offset === undefined ? file : `${file}:${lines.linePos(offset).line}`;
    },
  };
}

function readText(file: string, what: string, advice: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(
      `${file}: ${what} ${code === "ENOENT" ? "does not exist" : `cannot be read (${message})`}; ${advice}`,
    );
  }
}
