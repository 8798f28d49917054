/** Bytes of a grey TIFF of 32-bit floating-point values, one strip, little-endian (TIFF 6.0, section 7 and 19). */
export function encodeFloatTiff(values: Float32Array, w: number, h: number): Uint8Array {
  const short = 3;
  const long = 4;
  const strip = w * h * 4;
  const tags: [id: number, type: number, value: number][] = [
    [256, long, w],
    [257, long, h],
    [258, short, 32], // bits per sample
    [259, short, 1], // not compressed
    [262, short, 1], // 0 is black
    [273, long, 8], // the strip begins behind the header
    [277, short, 1], // samples per pixel
    [278, long, h], // rows per strip
    [279, long, strip],
    [339, short, 3], // floating point
  ];
  const bytes = new Uint8Array(8 + strip + 2 + 12 * tags.length + 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x002a4949, true);
  view.setUint32(4, 8 + strip, true);
  for (let i = 0; i < values.length; i++) view.setFloat32(8 + 4 * i, values[i]!, true);
  let at = 8 + strip;
  view.setUint16(at, tags.length, true);
  at += 2;
  for (const [id, type, value] of tags) {
    view.setUint16(at, id, true);
    view.setUint16(at + 2, type, true);
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, value, true);
    at += 12;
  }
  return bytes;
}
