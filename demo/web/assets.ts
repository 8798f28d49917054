/** The address of a file of demo/web/assets in the built site, whatever folder the site is served from. @param path as "samples/well.png" */
export function assetUrl(path: string): URL {
  return new URL(`./assets/${path}`, import.meta.url);
}
