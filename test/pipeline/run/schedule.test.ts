import { describe, expect, test } from "vitest";
import { resolveConfig } from "../../../pipeline/config/resolve.js";
import { udaWeight } from "../../../pipeline/metaStep.js";
import { pretrainRate, studentRate, teacherRate } from "../../../pipeline/run/schedule.js";

const config = (set: string[], recipe = "paper") => resolveConfig({ recipe, preset: "full", set });

/** 200 epochs of 10 steps, the length of the article's phases. */
const phase = { stepsPerEpoch: 10, totalSteps: 2000 };

describe("weight of the consistency loss", () => {
  test("rises from 1 / udaSteps in the text, from 2 / udaSteps in the authors' code, to lambdaU", () => {
    for (const [recipe, offset] of [
      ["paper", 1],
      ["reference-code", 2],
    ] as const) {
      const { lambdaU, udaSteps, rampOffset } = config([], recipe).meta;
      expect([lambdaU, udaSteps, rampOffset]).toEqual([8, 5000, offset]);
      const at = (step: number) => udaWeight(step, { lambdaU, udaSteps: 5000, rampOffset });
      expect(at(0)).toBeCloseTo((8 * offset) / 5000, 15);
      expect(at(2499)).toBeCloseTo((8 * (2499 + offset)) / 5000, 12);
      expect([at(4999 - offset) < 8, at(5000 - offset), at(100_000)]).toEqual([true, 8, 8]);
    }
  });

  test("is lambdaU from the start without a ramp", () => {
    expect(udaWeight(0, { lambdaU: 3, udaSteps: 0, rampOffset: 1 })).toBe(3);
  });
});

describe("learning rates", () => {
  test("teacher and student have their own, and the student waits, then warms up", () => {
    const { train } = config([
      "train.schedule=constant",
      "train.teacherLr=0.3",
      "train.studentLr=0.2",
      "train.teacherWarmup=4",
      "train.studentWarmup=2 epochs",
      "train.studentWait=1%",
    ]);
    const teacher = [0, 1, 2, 3, 4, 1999].map((step) => teacherRate(step, train, phase));
    [0, 0.075, 0.15, 0.225, 0.3, 0.3].forEach((rate, i) => {
      expect(teacher[i]).toBeCloseTo(rate, 12);
    });
    // Wait 20 steps, warm-up 20 steps; the authors' code counts the wait as part of the warm-up.
    const student = [0, 19, 20, 30, 39, 40, 1999].map((step) => studentRate(step, train, phase));
    [0, 0, 0.1, 0.15, 0.195, 0.2, 0.2].forEach((rate, i) => {
      expect(student[i]).toBeCloseTo(rate, 12);
    });
  });

  test("the cosine ends at its length, and rises again only where that is asked for", () => {
    const rates = (again: boolean) => {
      const { train } = config(["train.teacherLr=1", "train.scheduleLength=50%", `train.cosineRiseAgain=${again}`]);
      return [0, 250, 500, 1000, 1001, 1500, 1999].map((step) => teacherRate(step, train, phase));
    };
    const falls = [1, (1 + Math.SQRT1_2) / 2, 0.5, 0];
    falls.forEach((rate, i) => {
      expect(rates(false)[i]).toBeCloseTo(rate, 12);
      expect(rates(true)[i]).toBeCloseTo(rate, 12);
    });
    expect(rates(false).slice(4)).toEqual([0, 0, 0]);
    expect(rates(true)[5]).toBeCloseTo(0.5, 12);
  });

  test("the text's warm-up of the student takes 10 of 200 epochs, the code's none", () => {
    const at = (recipe: string) => {
      const { train } = config([], recipe);
      return [0, 50, 99, 100].map((step) => studentRate(step, train, phase) / train.studentLr);
    };
    [0, 0.5, 0.99, 1].forEach((share, i) => {
      expect(at("paper")[i]).toBeCloseTo(share, 5);
    });
    expect(at("reference-code")[0]).toBe(1);
  });

  test("pre-training drops its rate at a half", () => {
    const { pretrain } = config([]);
    const rates = [0, 999, 1000, 1999].map((step) => pretrainRate(step, pretrain, phase));
    [0.005, 0.005, 0.0005, 0.0005].forEach((rate, i) => {
      expect(rates[i]).toBeCloseTo(rate, 12);
    });
    const { pretrain: never } = config(["pretrain.lrDropAt=null"]);
    expect(pretrainRate(1999, never, phase)).toBe(0.005);
  });
});
