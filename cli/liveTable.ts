import { Progress } from "./progress.js";

/** Lines that stay above the bar and are redrawn in place, for a terminal. */
export class LiveTable extends Progress {
  private lines: string[] = [];
  private status = "";
  private height = 0;

  /** Shows other lines; what does not fit the terminal is left out at the end. */
  show(lines: readonly string[]): void {
    const [columns, room] = [Math.max(20, (this.sink.columns ?? 80) - 1), Math.max(2, (this.sink.rows ?? 24) - 3)];
    const fitting = lines.length <= room ? lines : [...lines.slice(0, room - 1), `... ${lines.length - room + 1} more`];
    this.lines = fitting.map((line) => line.slice(0, columns));
    this.draw(this.status);
  }

  override line(text: string): void {
    super.line(text);
    this.draw(this.status);
  }

  /** Leaves the table as it stands, without the bar. */
  override finish(): void {
    if (this.drawn) {
      this.erase();
      this.sink.write(this.lines.map((line) => `${line}\n`).join(""));
    }
    super.finish();
    this.lines = [];
    this.status = "";
    this.height = 0;
  }

  protected override leave(): void {
    this.status = "";
  }

  protected override draw(status: string): void {
    const width = Math.max(20, (this.sink.columns ?? 80) - 1);
    this.erase();
    this.status = status.slice(0, width);
    this.sink.write([...this.lines, this.status].join("\n"));
    this.height = this.lines.length;
    this.drawn = true;
  }

  protected override erase(): void {
    if (this.drawn) this.sink.write(`\r${this.height > 0 ? `\u001b[${this.height}A` : ""}\u001b[J`);
    this.drawn = false;
  }
}
