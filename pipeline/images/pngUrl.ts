import { encode } from "fast-png";

/**
 * An 8-bit image as the `data:` address of a PNG, for a page that needs nothing else. The bytes depend on nothing but the image, in Node
 * as in a browser.
 * @param channels 1: grey, 3: red, green, blue
 */
export function pngUrl(
  { height, width, pixels }: { readonly height: number; readonly width: number; readonly pixels: Uint8Array },
  channels: 1 | 3 = 1,
): string {
  const png = encode({ width, height, data: pixels, channels, depth: 8 });
  let text = "";
  for (let i = 0; i < png.length; i += 0x8000) text += String.fromCharCode(...png.subarray(i, i + 0x8000));
  return `data:image/png;base64,${btoa(text)}`;
}
