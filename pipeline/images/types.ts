/** Images as their files hold them, before anything is scaled. Nothing in this folder needs Node: a browser page reads the same. */

/** What a file says about one of its pages. */
export interface PageMeta {
  /** Frame number of a series, from 0. */
  readonly time?: string;
  /** Channel number, from 0. */
  readonly channel?: number;
  /** Name of the channel. */
  readonly channelName?: string;
  /** Slice number of a stack, from 0. */
  readonly z?: number;
  /** Well of a plate, such as B3. */
  readonly well?: string;
}

/** Samples of one page, row-major, interleaved: grey (1 channel) or red, green, blue (3). */
export interface Page {
  /** Width, px. */
  readonly w: number;
  /** Height, px. */
  readonly h: number;
  readonly bits: 8 | 16;
  readonly channels: 1 | 3;
  readonly data: Uint8Array | Uint16Array;
  readonly meta: PageMeta;
}

/** A file with random access. */
export interface ByteSource {
  /** Used in errors and to tell formats by the extension. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Fewer bytes than asked for only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A file whose pages are decoded one by one. */
export interface ImageFile {
  readonly format: "PNG" | "JPEG" | "TIFF";
  readonly metas: readonly PageMeta[];
  /** @throws UserError naming the file when the page is damaged or of a kind that is not read */
  page(index: number): Promise<Page>;
}
