import { describe, expect, it } from "vitest";
import { ansiCss, parseAnsi, stripAnsi } from "./ansi.ts";

const esc = "\u001b";

describe("parseAnsi", () => {
  it("leaves plain text in one run", () => {
    expect(parseAnsi("batch 8812\tdone")).toEqual([{ text: "batch 8812\tdone", style: {} }]);
    expect(parseAnsi("")).toEqual([]);
  });

  it("reads the sixteen colours, attributes and their resets", () => {
    expect(parseAnsi(`${esc}[1;31mERR${esc}[22m x${esc}[0m y${esc}[97;104mz${esc}[39m!`)).toEqual([
      { text: "ERR", style: { bold: true, fg: 1 } },
      { text: " x", style: { fg: 1 } },
      { text: " y", style: {} },
      { text: "z", style: { fg: 15, bg: 12 } },
      { text: "!", style: { bg: 12 } },
    ]);
    expect(parseAnsi(`${esc}[4mu${esc}[24mv${esc}[mw`)).toEqual([
      { text: "u", style: { underline: true } },
      { text: "vw", style: {} },
    ]);
  });

  it("reads 256 colours and true colours in both spellings", () => {
    const colours = (sgr: string): unknown => parseAnsi(`${esc}[${sgr}mx`)[0]?.style;
    expect(colours("38;5;208")).toEqual({ fg: 208 });
    expect(colours("38:5:208")).toEqual({ fg: 208 });
    expect(colours("48;2;255;0;16;1")).toEqual({ bg: "#ff0010", bold: true });
    expect(colours("38:2::1:2:3")).toEqual({ fg: "#010203" });
    expect(colours("38:2:1:2:3")).toEqual({ fg: "#010203" });
    expect(colours("38;5;999")).toEqual({});
    expect(colours("38")).toEqual({});
  });

  it("drops every other sequence, finished or not", () => {
    expect(stripAnsi(`a${esc}[2Kb${esc}]0;title\u0007c${esc}]8;;https://x${esc}\\d`)).toBe("abcd");
    expect(stripAnsi(`a${esc}(Bb${esc}7c\u0007d${esc}[?25le`)).toBe("abcde");
    expect(stripAnsi(`end${esc}[38;5`)).toBe("end");
    expect(stripAnsi(`end${esc}`)).toBe("end");
    expect(stripAnsi(`end${esc}]0;never closed`)).toBe("end");
  });

  it("shows what a carriage return left to be seen", () => {
    expect(stripAnsi("10 %\r20 %\r100 %\r")).toBe("100 %");
  });

  it("keeps wide characters and emoji whole", () => {
    expect(parseAnsi(`${esc}[32m日本${esc}[0m👩‍🚀`)).toEqual([
      { text: "日本", style: { fg: 2 } },
      { text: "👩‍🚀", style: {} },
    ]);
  });
});

describe("ansiCss", () => {
  it("takes the first sixteen from the theme and computes the rest", () => {
    expect(ansiCss(9)).toBe("var(--ansi-9)");
    expect(ansiCss(16)).toBe("rgb(0 0 0)");
    expect(ansiCss(208)).toBe("rgb(255 135 0)");
    expect(ansiCss(255)).toBe("rgb(238 238 238)");
    expect(ansiCss("#010203")).toBe("#010203");
  });
});
