import { describe, expect, it } from "vitest";
import { escapeHtml, html, trusted } from "../../../pipeline/report/html.js";

describe("html", () => {
  it("escapes text and attribute values, once", () => {
    const name = `<script>"x" & 'y'</script>`;
    const escaped = "&lt;script&gt;&quot;x&quot; &amp; &#39;y&#39;&lt;/script&gt;";
    expect(escapeHtml(name)).toBe(escaped);
    expect(html`<p title="${name}">${name}</p>`.markup).toBe(`<p title="${escaped}">${escaped}</p>`);
    expect(html`<div>${html`<b>${name}</b>`}</div>`.markup).toBe(`<div><b>${escaped}</b></div>`);
  });

  it("joins lists, leaves out null and false, keeps numbers and trusted markup", () => {
    expect(html`${["<", [html`<i>`, 0]]}${null}${false}${trusted("<br>")}`.markup).toBe("&lt;<i>0<br>");
  });
});
