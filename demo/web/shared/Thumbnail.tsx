import { useEffect, useRef } from "preact/hooks";
import type { GreyImage } from "../../../pipeline/data/types.js";
import { greyCanvas } from "./picture.js";

/** A small picture of an image, whole, in a square of `side` CSS px. It is decoration: text beside it says what it shows. */
export function Thumbnail({ image, side }: { image: GreyImage; side: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height, pixels } = image;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const sharp = side * 2;
    const scale = Math.min(sharp / width, sharp / height);
    context.clearRect(0, 0, sharp, sharp);
    context.imageSmoothingQuality = "high";
    context.drawImage(
      greyCanvas(pixels, width, height),
      ...([(sharp - width * scale) / 2, (sharp - height * scale) / 2, width * scale, height * scale] as const),
    );
  }, [pixels, width, height, side]);
  return (
    <span aria-hidden="true" class="thumbnail">
      <canvas ref={canvas} width={side * 2} height={side * 2} />
    </span>
  );
}
