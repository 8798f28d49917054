import { Document, isScalar } from "yaml";
import { options } from "./options.js";
import type { Config } from "./schema.js";

/**
 * A configuration as YAML that `--config FILE` reads back to the same configuration.
 * @param explain write what each option means above it
 */
export function configToYaml(config: Config, { explain = false } = {}): string {
  const document = new Document(config, { aliasDuplicateObjects: false });
  if (explain) {
    for (const { path, description } of options) {
      const pair = findPair(document, path);
      if (pair !== undefined) pair.commentBefore = ` ${description}`;
    }
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

/** The key node of an option, which carries the comment above it. */
function findPair(document: Document, path: string[]): { commentBefore?: string | null } | undefined {
  const parent = document.getIn(path.slice(0, -1), true);
  const items = (parent as { items?: { key: unknown }[] } | undefined)?.items ?? [];
  const key = items.find((item) => isScalar(item.key) && item.key.value === path.at(-1))?.key;
  return isScalar(key) ? key : undefined;
}
