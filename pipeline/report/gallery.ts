/** Which test images are worth showing, and how: examples of each class, and the mistakes (Fig. 9 of the paper). */
import type { Prediction, PredictionTable } from "../run/predictionsCsv.js";
import { cropUrl } from "./crops.js";
import type { RunData } from "./data.js";
import { percent } from "./format.js";
import { type Html, html, missing } from "./html.js";
import type { RunImages } from "./source.js";

/** About how many examples are shown, so that the file stays small with many classes. */
const EXAMPLES = 72;
/** Up to this many classes the mistakes are laid out as a from-by-to grid; with more, the most frequent pairs are listed. */
const GRID = 6;
const PAIRS = 12;

/** Both galleries, or the reason why there is none. */
export async function galleries(run: RunData): Promise<{ examples: Html; mistakes: Html }> {
  const source = findImages(run);
  if (typeof source === "string") return { examples: missing(source), mistakes: missing(source) };
  const gallery = new Gallery(source);
  return { examples: await gallery.examples(), mistakes: await gallery.mistakes() };
}

interface Source {
  table: PredictionTable;
  images: RunImages;
  /** Side of a patch, px. */
  size: number;
  /** Draw the frame of the small scale. */
  inner: boolean;
}

/** Where the patches come from, or a sentence that says why there are none. */
function findImages({ predictions, images, config }: RunData): Source | string {
  if (!predictions) return "No predictions of the test images have been recorded.";
  if (predictions.rows.every((row) => row.truth === null)) return "The table of predictions holds no true classes.";
  const patch = config?.facts.patch;
  if (!images || !patch)
    return "The run does not say where its images are or how large its patches were, so none can be shown.";
  if (!predictions.rows.some(({ file }) => images.has(file)))
    return `The images are no longer in ${images.place}, so no patches can be shown. Put them back there and write the report again.`;
  return { table: predictions, images, size: patch.size, inner: patch.smallSize !== null };
}

const cross = html`<svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"><path d="M0 0L100 100M100 0L0 100"/></svg>`;

class Gallery {
  private readonly classes: readonly string[];
  private readonly rows: readonly Prediction[];

  constructor(private readonly source: Source) {
    this.classes = source.table.classes;
    this.rows = source.table.rows;
  }

  /** A row of each class, from the highest probability of the true class to the lowest. */
  async examples(): Promise<Html> {
    const each = Math.max(2, Math.min(7, Math.floor(EXAMPLES / this.classes.length)));
    const shown: Html[] = [];
    for (const [c, name] of this.classes.entries()) {
      if (shown.length * each >= EXAMPLES) break;
      const own = this.rows.filter((row) => row.truth === c).sort(surest(c));
      const patches = own.length > 0 ? await this.patches(spread(own, each)) : html`<p class="small">no test image</p>`;
      shown.push(html`<div class="class-row"><h3>${name}</h3><div>${patches}</div></div>\n`);
    }
    const rest = this.classes.length - shown.length;
    return html`<div class="${each < 5 ? "columns" : "rows"}">${shown}</div>${rest > 0 && html`<p class="small">${rest} further classes are left out.</p>`}`;
  }

  async mistakes(): Promise<Html> {
    const wrong = this.rows.filter((row) => row.truth !== null && row.truth !== row.predicted);
    if (wrong.length === 0) return html`<p>No test image was misclassified.</p>`;
    return this.classes.length <= GRID ? this.grid(wrong) : this.pairs(wrong);
  }

  private async grid(wrong: readonly Prediction[]): Promise<Html> {
    const body: Html[] = [];
    for (const [from, name] of this.classes.entries()) {
      const cells: Html[] = [];
      for (const to of this.classes.keys()) cells.push(html`<td>${await this.gridCell(wrong, from, to)}</td>`);
      const side =
        from === 0 && html`<th class="axis side" rowspan="${this.classes.length}"><span>actual class</span></th>`;
      body.push(html`<tr>${side}<th scope="row">${name}</th>${cells}</tr>\n`);
    }
    const heads = this.classes.map((name) => html`<th scope="col">${name}</th>`);
    return html`<div class="scroll"><table class="patches confusion"><thead>
<tr><td colspan="2"></td><th class="axis" colspan="${this.classes.length}">predicted class</th></tr>
<tr><td colspan="2"></td>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
  }

  private async gridCell(wrong: readonly Prediction[], from: number, to: number): Promise<Html> {
    if (from === to) return html`<div class="cell self" title="right answers are not shown"></div>`;
    const found = mistaken(wrong, from, to);
    if (found.length === 0) return html`<div class="cell none" title="never">${cross}</div>`;
    const patches = await this.patches(found.slice(0, this.classes.length <= 4 ? 2 : 1), false);
    return html`${patches}<div class="times">${found.length}×</div>`;
  }

  private async pairs(wrong: readonly Prediction[]): Promise<Html> {
    const all = this.classes.flatMap((_, from) =>
      this.classes.map((_, to) => ({ from, to, found: mistaken(wrong, from, to) })),
    );
    const frequent = all
      .filter(({ found }) => found.length > 0)
      .sort((a, b) => b.found.length - a.found.length || a.from - b.from || a.to - b.to);
    const shown: Html[] = [];
    for (const { from, to, found } of frequent.slice(0, PAIRS)) {
      const title = html`${this.classes[from]!} taken for ${this.classes[to]!}, ${found.length}×`;
      const patches = await this.patches(found.slice(0, 5), false);
      shown.push(html`<div class="class-row"><h3>${title}</h3><div>${patches}</div></div>\n`);
    }
    const rest = frequent.length - shown.length;
    return html`${shown}${rest > 0 && html`<p class="small">${rest} rarer confusions are left out.</p>`}`;
  }

  private async patches(rows: readonly Prediction[], judged = true): Promise<Html> {
    return html`${await Promise.all(rows.map((row) => this.patch(row, judged)))}`;
  }

  /** One captioned patch; `judged` says in words and frame whether it was recognised. */
  private async patch({ file, truth, predicted, probabilities }: Prediction, judged: boolean): Promise<Html> {
    const sure = percent(probabilities[predicted]!, 0);
    const answer = this.classes[predicted]!;
    const wrong = truth !== predicted;
    const words = `${file}: ${this.classes[truth!]!}, predicted ${answer} with probability ${sure}`;
    const { images, size, inner } = this.source;
    const image = await images.read(file);
    const frame = inner && html`<span class="inner"></span>`;
    const picture =
      image === null
        ? html`<span class="cell none">gone</span>`
        : html`<img src="${cropUrl(image, size)}" alt="${words}">${frame}`;
    const verdict = judged && (wrong ? html`<b>✗ ${answer}</b> ` : html`✓ `);
    const name = file.split("/").at(-1)!;
    return html`<span class="patch${judged && wrong && " wrong"}" title="${words}"><span class="frame">${picture}</span>
<span class="file">${verdict}${sure}</span><span class="file">${name}</span></span>`;
  }
}

/** Test images of one class that were taken for another, the surest mistake first. */
function mistaken(wrong: readonly Prediction[], from: number, to: number): Prediction[] {
  return wrong.filter((row) => row.truth === from && row.predicted === to).sort(surest(to));
}

/** Order by falling probability of a class, then by file name. */
function surest(c: number): (a: Prediction, b: Prediction) => number {
  return (a, b) => b.probabilities[c]! - a.probabilities[c]! || (a.file < b.file ? -1 : 1);
}

/** Evenly spaced members of a list, first and last included. */
function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))]!);
}
