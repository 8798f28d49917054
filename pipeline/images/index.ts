export {
  type Bits16Rule,
  bits16Default,
  bits16Text,
  type Grey8,
  type GreyScale,
  parseBits16,
  toGrey8,
} from "./grey.js";
export { prepareJpeg } from "./jpeg.js";
export { cleanStem, defaultPattern, parsePattern, stemOf, type WellTime, wellTime } from "./names.js";
export { bytesSource, openImage, readImage } from "./open.js";
export type { ByteSource, ImageFile, Page, PageMeta } from "./types.js";
