import { cssVariables, dark, light, print, type Surroundings } from "../palette.js";

function variables(surroundings: Surroundings): string {
  return Object.entries(cssVariables(surroundings))
    .map(([name, colour]) => `${name}: ${colour};`)
    .join(" ");
}

/**
 * The page's style sheet: light and dark, screen, phone and print. Chart colours are variables, so that one drawing serves both
 * backgrounds (`palette.ts`).
 */
export const styleSheet = `
:root {
  color-scheme: light dark;
  ${variables(light)}
  --tint: 0, 114, 178; --on-tint: #ffffff;
}
@media (prefers-color-scheme: dark) {
  :root {
    ${variables(dark)}
    --tint: 38, 128, 190;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
body { max-width: 1080px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
main > section:first-child h2 { margin-top: 1.6rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .8rem; padding-top: .9rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1rem; margin: 1.6rem 0 .5rem; }
p { margin: .5rem 0; max-width: 46rem; }
.facts, .small, figcaption, .missing { color: var(--muted); }
.facts { margin: 0 0 1.6rem; max-width: none; }
.small, figcaption { font-size: .85rem; line-height: 1.45; }
.missing { border-left: 3px solid var(--rule); padding-left: .8rem; }
.notes { background: var(--soft); padding: .7rem 1rem .7rem 2rem; margin: 1rem 0; font-size: .9rem; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .8rem; margin: 1rem 0 1.2rem; }
.tile { background: var(--soft); padding: .8rem 1rem .7rem; border-top: 4px solid var(--muted); }
.tile.student { border-color: var(--c0); }
.tile.teacher { border-color: var(--c1); border-top-style: double; }
.tile b { display: block; font-size: 1.9rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { display: block; font-size: .85rem; color: var(--muted); }
.tile .name { color: var(--ink); font-weight: 600; font-size: .95rem; }
.lead { font-size: 1.1rem; }
.pair { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 1.4rem 2rem; }
.stack h3, .tables h3 { margin-top: 0; }
.stack td small { display: inline; margin-left: .6rem; }
.confusion thead td { border: none; }
.stack .confusion td small { display: block; margin: 0; }
.stack > div { margin-bottom: 1.6rem; }
.pair.tables { grid-template-columns: minmax(0, 6fr) minmax(0, 7fr); }
.triple { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 1.4rem 1.6rem; }
figure { margin: 0; min-width: 0; }
figure h3 { margin: 0 0 .2rem; }
svg { font-family: Arial, Helvetica, "Liberation Sans", sans-serif; }
figure svg, .chart svg { display: block; width: 100%; height: auto; }
figcaption { margin-top: .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; text-align: right; border-bottom: 1px solid var(--rule); vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; vertical-align: bottom; }
tfoot th, tfoot td { border-bottom: none; border-top: 1.5px solid var(--ink); font-weight: 600; }
th { font-weight: 600; overflow-wrap: normal; }
.per-class th { white-space: nowrap; }
td small, th small { display: block; color: var(--muted); font-size: .75rem; font-weight: 400; white-space: nowrap; }
.facts-table th { font-weight: 400; color: var(--muted); white-space: nowrap; }
.facts-table td { text-align: left; overflow-wrap: anywhere; }
.confusion th.axis { text-align: center; color: var(--muted); font-weight: 400; border: none; }
.confusion th.axis.side { writing-mode: vertical-rl; transform: rotate(180deg); padding: .2rem; vertical-align: middle; }
.confusion tbody th { text-align: right; border: none; vertical-align: middle; }
.confusion thead th { text-align: center; border-bottom: none; }
.confusion td { text-align: center; vertical-align: middle; min-width: 3.6rem; padding: .35rem .4rem; border: 1px solid var(--paper); }
.confusion td.right { outline: 2px solid var(--ink); outline-offset: -2px; }
.confusion td.strong, .confusion td.strong small { color: var(--on-tint); }
.confusion.many td { min-width: 1.6rem; padding: .15rem .2rem; font-size: .75rem; border-color: var(--rule); }
.confusion.many thead td { border: none; }
.confusion.many thead th span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block; white-space: nowrap; }
.confusion.many tbody th { white-space: nowrap; }
.confusion.many th { font-size: .75rem; padding: .15rem .3rem; }
.patches { border-collapse: separate; border-spacing: 6px; }
.patches th, .patches td { border: none; padding: 0; text-align: center; white-space: nowrap; }
.patches th { font-size: .85rem; padding: 0 .3rem; }
.patches tbody th { text-align: right; }
.patch { display: inline-block; width: 6.2rem; white-space: normal; vertical-align: top; font-size: .72rem; line-height: 1.25; color: var(--muted); text-align: left; margin: 0 .25rem .3rem 0; }
.patch .frame { position: relative; display: block; border: 2px solid transparent; }
.patch.wrong .frame { border: 2px solid var(--c1); }
.patch img { display: block; width: 100%; aspect-ratio: 1; background: #000; }
.patch .inner { position: absolute; inset: 25%; border: 1px dashed #fff; box-shadow: 0 0 0 1px #0008; }
.patch .file { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.patch b { color: var(--ink); font-weight: 600; }
.cell { width: 6.2rem; height: 6.2rem; display: flex; align-items: center; justify-content: center; margin: 0 auto; }
.frame .cell { width: 100%; height: auto; aspect-ratio: 1; }
.patches td { vertical-align: top; }
.times { font-size: .85rem; font-weight: 600; }
.cell.self { background: var(--ink); }
.cell.none { border: 1px solid var(--rule); }
.cell.none svg { width: 100%; height: 100%; stroke: var(--rule); stroke-width: 1; }
.columns { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0 1.5rem; }
.columns .class-row { grid-template-columns: 1fr; gap: .2rem; }
.class-row { display: grid; grid-template-columns: 7.5rem 1fr; gap: .6rem; padding: .5rem 0; border-bottom: 1px solid var(--rule); }
.class-row h3 { margin: 0; }
details { margin: .8rem 0; }
summary { cursor: pointer; font-weight: 600; }
summary:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
.joined { max-width: 1240px; }
.joined figure { margin: 1.6rem 0 2.4rem; }
.joined figcaption { max-width: 54rem; }
.joined figure svg, .joined .chart svg { max-width: 60rem; }
.texts { font-size: .85rem; }
.texts td, .texts th { white-space: nowrap; padding: .28rem .5rem; }
.texts th[scope="row"], .texts .word { white-space: normal; overflow-wrap: normal; }
.texts .word { text-align: left; }
.texts b { font-weight: 700; }
pre { background: var(--soft); padding: .9rem 1rem; overflow-x: auto; font: .8rem/1.45 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; columns: 2 20rem; column-gap: 2rem; }
@media (max-width: 720px) {
  body { padding: 1.2rem 1rem 3rem; }
  h1 { font-size: 1.5rem; }
  table { font-size: .85rem; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .tile b { font-size: 1.5rem; }
  .pair, .pair.tables, .triple { grid-template-columns: minmax(0, 1fr); }
  .class-row { grid-template-columns: 1fr; }
  .joined .scroll > svg { width: 44rem; }
  .patch { width: 5.2rem; }
  .confusion td { min-width: 2.8rem; padding: .3rem .2rem; }
  th, td { padding: .3rem .4rem; }
}
@media print {
  :root {
    ${variables(print)}
    --tint: 0, 114, 178;
  }
  @page { margin: 14mm; }
  html { font-size: 9.5pt; }
  body { max-width: none; padding: 0; -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  figure, table, .tiles, .class-row { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  h2 { margin-top: 1.6rem; }
  .intro { break-after: avoid; break-inside: avoid; }
  .patch { width: 5.8rem; }
  table { font-size: .8rem; }
  td small, th small { font-size: .65rem; }
  th, td { padding: .2rem .35rem; }
  .pair.tables { grid-template-columns: minmax(0, 1fr) minmax(0, 1.1fr); gap: 1rem; }
  .confusion td { min-width: 2.8rem; }
  .scroll { overflow: visible; }
  .texts { font-size: .68rem; }
  .texts td, .texts th { padding: .15rem .25rem; }
  .screen { display: none; }
  details:not([open])::details-content { content-visibility: visible; block-size: auto; }
}
`;
