import { Progress } from "./progress.js";

/** Rows that are kept for what was said last, where there is room. */
const newest = 5;

/**
 * Lines that stay at the top of a terminal, with what was said last and the bar below them. Everything is drawn from the first row
 * on: drivers write to the terminal themselves, past this program, and move the cursor.
 */
export class LiveTable extends Progress {
  private lines: readonly string[] = [];
  /** What was said since the table began. */
  private readonly said: string[] = [];
  private status = "";
  private begun = false;

  /** Shows other lines; what does not fit the terminal is left out at the end. */
  show(lines: readonly string[]): void {
    this.lines = lines;
    this.draw(this.status);
  }

  override line(text: string): void {
    if (!this.begun) super.line(text);
    else {
      this.said.push(text);
      this.draw(this.status);
    }
  }

  /** Leaves all of the table as it stands, and all that was said, without the bar. */
  override finish(): void {
    if (this.begun)
      this.sink.write(`\u001b[H\u001b[J${[...this.lines, ...this.said].map((line) => `${line}\n`).join("")}`);
    this.begun = false;
    this.drawn = false;
    this.lines = [];
    this.said.length = 0;
    this.status = "";
    super.finish();
  }

  protected override leave(): void {
    this.status = "";
  }

  protected override draw(status: string): void {
    const [columns, rows] = [Math.max(20, (this.sink.columns ?? 80) - 1), Math.max(4, (this.sink.rows ?? 24) - 1)];
    this.status = status;
    // What stands in the terminal goes up, out of sight, instead of being written over.
    if (!this.begun) this.sink.write("\n".repeat(rows));
    this.begun = true;
    this.drawn = true;
    // The time left stands at the end of the status: in a narrow terminal it takes up to three rows.
    const bar = [0, 1, 2].map((row) => status.slice(row * columns, (row + 1) * columns));
    bar.length = Math.max(1, bar.filter((text) => text !== "").length);
    const free = rows - bar.length;
    const room = free - Math.min(this.said.length, newest, Math.max(0, free - 3));
    const fits = this.lines.length <= room;
    const table = fits ? this.lines : [...this.lines.slice(0, room - 1), `... ${this.lines.length - room + 1} more`];
    const said = this.said.slice(this.said.length - Math.min(this.said.length, newest, free - table.length));
    const shown = [...table, ...said, ...bar].map((line) => `${line.replaceAll("\n", " ").slice(0, columns)}\u001b[K`);
    this.sink.write(`\u001b[H${shown.join("\n")}\u001b[J`);
  }

  protected override erase(): void {
    this.drawn = false;
  }
}
