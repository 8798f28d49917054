import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import { writeAtomic, writeJson } from "../../run/folder.js";
import { cropName } from "../colony.js";
import { byPlace, coloniesCsv } from "../table.js";

/** What DIR knows of its images: DIR/<stem>/well.json each, and from all of them colonies.csv and detection.json. */

const colonySchema = z.object({
  minRow: z.number(),
  minCol: z.number(),
  maxRow: z.number(),
  maxCol: z.number(),
  area: z.number(),
  meanIntensity: z.number(),
  meanEntropy: z.number(),
  touchesBorder: z.boolean(),
});

const recordSchema = z.object({
  version: z.literal(1),
  /** False while the outputs are being written. */
  complete: z.boolean(),
  stem: z.string(),
  well: z.string(),
  time: z.string(),
  /** As the user wrote it. */
  file: z.string(),
  path: z.string(),
  sha256: z.string(),
  /** Page of the file, from 0, and its channel if it has several. */
  page: z.number(),
  channel: z.number().optional(),
  w: z.number(),
  h: z.number(),
  /** How the samples became 8 bits. */
  scale: z.object({
    bits: z.union([z.literal(8), z.literal(16)]),
    rule: z.string().nullable(),
    low: z.number(),
    high: z.number(),
  }),
  options: z.object({
    order: z.enum(["text", "code"]),
    blur: z.boolean(),
    entropyRadius: z.number(),
    openingRadius: z.number(),
    minSize: z.number(),
  }),
  intermediates: z.boolean(),
  threshold: z.number().nullable(),
  warnings: z.array(z.string()),
  /** Colony i is in <stem>_<i + 1>.png. */
  colonies: z.array(colonySchema),
});

export type WellRecord = z.infer<typeof recordSchema>;

export const recordFile = (out: string, stem: string) => join(out, stem, "well.json");
export const cropNames = ({ stem, colonies }: WellRecord) => colonies.map((_, i) => cropName(stem, i));

/** The images that DIR holds, by stem. What is no record, or one of another version, does not count. */
export function readRecords(out: string): Map<string, WellRecord> {
  const records = new Map<string, WellRecord>();
  for (const entry of existsSync(out) ? readdirSync(out, { withFileTypes: true }) : []) {
    const file = recordFile(out, entry.name);
    if (!entry.isDirectory() || !existsSync(file)) continue;
    const record = parse(readFileSync(file, "utf8"));
    if (record?.stem === entry.name) records.set(entry.name, record);
  }
  return records;
}

function parse(text: string): WellRecord | null {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Writes colonies.csv and, beside it, how each image was made 8 bits and looked at. Both appear complete or stay as they were. */
export function writeTables(out: string, records: Iterable<WellRecord>): void {
  const all = byPlace([...records].filter(({ complete }) => complete));
  writeAtomic(join(out, "colonies.csv"), coloniesCsv(all));
  const images = all.map(({ version: _version, complete: _complete, path: _path, colonies, ...rest }) => ({
    ...rest,
    colonies: colonies.length,
  }));
  writeJson(join(out, "detection.json"), { version: 1, images });
}
