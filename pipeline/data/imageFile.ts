/**
 * Images and masks of a data set from files of any format that is read (PNG, JPEG, TIFF; 8 or 16 bits), as 8-bit grey and as 0
 * and 1. A file holds one image here; 16 bits become 8 by their full range (`value >> 8`), the same for every image.
 */
import { UserError } from "../../engine/errors.js";
import { openFile, prepareNodeJpeg } from "../detect/run/fileSource.js";
import { choosePages } from "../detect/run/pages.js";
import { formatOf, headBytes } from "../images/formats.js";
import { openImage, type Page, toGrey8 } from "../images/index.js";
import type { GreyImage } from "./types.js";

/** Called with one sentence, which names the file, when something is odd but no reason to stop. */
export type OnNote = (note: string) => void;

/**
 * Reads an image as 8-bit grey, colours as Pillow's mode L. Of a stack the middle slice is taken, of several channels the
 * first, both with a note.
 * @throws UserError naming the file: unreadable, damaged, of another format, a series of several time points
 */
export async function readGreyImage(file: string, onNote: OnNote = () => {}): Promise<GreyImage> {
  const { w, h, pixels, warnings } = toGrey8(await readPage(file, onNote));
  for (const warning of warnings)
    onNote(
      `${file}: ${warning.replace("use --bits16 percentiles", "stretch the images to 8 bits before, all in the same way")}`,
    );
  return { height: h, width: w, pixels };
}

/**
 * Reads the mask of an image: 1 where any colour is above 0.
 * @throws UserError as `readGreyImage`; and naming both files and both sizes when they differ
 */
export async function readMaskImage(file: string, image: GreyImage, imageFile: string): Promise<GreyImage> {
  const mask = foreground(await readPage(file, () => {}));
  if (mask.height === image.height && mask.width === image.width) return mask;
  throw new UserError(
    `${file}: the mask is ${mask.width} x ${mask.height} px (width x height), but its image ${imageFile} is ${image.width} x ${image.height}; ` +
      `make the mask again from this image, or remove the mask`,
  );
}

/** The one image that a file holds. */
async function readPage(file: string, onNote: OnNote): Promise<Page> {
  const source = await openFile(file, file);
  try {
    const format = formatOf(await source.read(0, Math.min(headBytes, source.size)), file);
    if (format === "JPEG") await prepareNodeJpeg();
    const image = await openImage(source);
    const { pages, warnings } = choosePages(file, image.metas, null);
    const [page] = pages;
    if (page === undefined || pages.length > 1)
      throw new UserError(
        `${file}: holds ${pages.length} images (a series), where one is expected: save it as an image sequence ` +
          `(Fiji: File > Save As > Image Sequence), or let "equipoise detect" cut colonies out of it`,
      );
    for (const warning of warnings) onNote(warning.replace("; --channel chooses another", ""));
    return await image.page(page.index);
  } finally {
    await source.close();
  }
}

function foreground({ w, h, channels, data }: Page): GreyImage {
  const pixels = new Uint8Array(w * h);
  for (let i = 0; i < data.length; i++) if (data[i]! > 0) pixels[Math.floor(i / channels)] = 1;
  return { height: h, width: w, pixels };
}
