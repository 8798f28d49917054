/** One class of an imported set. */
export interface ShapeClass {
  /** Class number in Fashion-MNIST. */
  label: number;
  /** Folder name. */
  name: string;
  /** Training images, the first ones of the class in file order. */
  images: number;
}

/** Fashion-MNIST's classes under names that are safe as folder names ("T-shirt/top", "Ankle boot"). */
export const FASHION_CLASSES = [
  "T-shirt",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle-boot",
] as const;

const PER_CLASS = 6000;

function entry(label: number, images: number): ShapeClass {
  return { label, name: FASHION_CLASSES[label]!, images };
}

/**
 * Shapes of an imported set.
 *
 * `stem-cell`: four classes in the proportions of the stem cell set (656 : 3587 : 3934 : 10506 colonies, 16 : 1).
 * `lt100`: all ten classes, long-tailed: class k has 6000 * 100^(-k/9) images, 6000 down to 60.
 */
export const FASHION_SHAPES = {
  "stem-cell": [entry(6, 375), entry(4, 2049), entry(2, 2247), entry(0, PER_CLASS)],
  lt100: FASHION_CLASSES.map((_, k) => entry(k, Math.round(PER_CLASS * 100 ** (-k / 9)))),
} as const satisfies Record<string, readonly ShapeClass[]>;

export type FashionShape = keyof typeof FASHION_SHAPES;
