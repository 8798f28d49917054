/**
 * HTML that is escaped by construction: `html` is a template tag that escapes every value which is not HTML itself. Text from
 * files (class names, paths, configuration) can only reach the page through it.
 */

/** Markup that needs no further escaping. */
export class Html {
  constructor(readonly markup: string) {}
  toString(): string {
    return this.markup;
  }
}

/** What a template may hold; null and false are left out, lists are joined without a separator. */
export type Content = Html | string | number | null | false | readonly Content[];

const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Text for element content and for quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => entities[c]!);
}

/** Template tag: `` html`<p title="${name}">${parts}</p>` ``. Attributes must be quoted. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? text : render(values[i - 1]!) + text)).join(""));
}

/** Markup made by this program (a style sheet, an SVG): taken as it is. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

function render(content: Content): string {
  if (content === null || content === false) return "";
  if (content instanceof Html) return content.markup;
  if (Array.isArray(content)) return content.map(render).join("");
  return escapeHtml(String(content));
}

/** What stands where something was not recorded. */
export function missing(text: string): Html {
  return html`<p class="missing">${text}</p>`;
}

/** A drawing with its words, or the note that its values were not recorded. */
export function figure(title: string, drawing: Html | null, caption: string): Html {
  if (!drawing) return html`<figure><h3>${title}</h3>${missing("Nothing is recorded of it.")}</figure>`;
  return html`<figure><h3>${title}</h3>${drawing}<figcaption>${caption}</figcaption></figure>`;
}
