/** Division of whole numbers as WGSL does it, or of real ones. */
export type Division = "whole" | "real";

const functions: Readonly<Record<string, (...values: number[]) => number>> = {
  ceil: Math.ceil,
  floor: Math.floor,
  max: Math.max,
  min: Math.min,
};

/**
 * The value of an expression of numbers, names, `+ - * / %`, brackets and ceil, floor, min, max; null if it is none, or has a name
 * without a value.
 */
export function evaluate(
  text: string,
  values: ReadonlyMap<string, number>,
  division: Division = "real",
): number | null {
  const tokens = text.match(/\d+\.?\d*(?:[eE][+-]?\d+)?[uif]?|[A-Za-z_]\w*|[-+*/%(),]|\S/g) ?? [];
  const parser = new Parser(tokens, values, division);
  const value = parser.sum();
  return parser.done && Number.isFinite(value) ? value : null;
}

/** Recursive descent; what is wrong becomes NaN. */
class Parser {
  private at = 0;

  constructor(
    private readonly tokens: readonly string[],
    private readonly values: ReadonlyMap<string, number>,
    private readonly division: Division,
  ) {}

  get done(): boolean {
    return this.at === this.tokens.length;
  }

  sum(): number {
    let value = this.product();
    for (let op = this.take("+-"); op; op = this.take("+-"))
      value = op === "+" ? value + this.product() : value - this.product();
    return value;
  }

  private product(): number {
    let value = this.primary();
    for (let op = this.take("*/%"); op; op = this.take("*/%")) {
      const right = this.primary();
      value = op === "*" ? value * right : op === "%" ? value % right : this.divide(value, right);
    }
    return value;
  }

  private divide(a: number, b: number): number {
    return this.division === "whole" ? Math.trunc(a / b) : a / b;
  }

  private primary(): number {
    const token = this.tokens[this.at++];
    if (token === undefined) return Number.NaN;
    if (token === "-") return -this.primary();
    if (token === "(") return this.closed(this.sum());
    if (/^\d/.test(token)) return Number.parseFloat(token);
    const call = functions[token];
    if (!call || !this.take("(")) return this.values.get(token) ?? Number.NaN;
    const args = [this.sum()];
    while (this.take(",")) args.push(this.sum());
    return this.closed(call(...args));
  }

  private closed(value: number): number {
    return this.take(")") ? value : Number.NaN;
  }

  /** The next token if it is one of these characters. */
  private take(characters: string): string | null {
    const token = this.tokens[this.at];
    if (token?.length !== 1 || !characters.includes(token)) return null;
    this.at++;
    return token;
  }
}
