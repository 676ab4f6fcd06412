import { type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { Button } from "./button.tsx";
import "./clamped.css";

/** At most three lines of it, and the rest a click away. Another text is another one: give it a key. */
export function Clamped(props: { children: ReactNode }) {
  const text = useRef<HTMLSpanElement>(null);
  const [open, setOpen] = useState(false);
  const [long, setLong] = useState(false);
  useLayoutEffect(() => {
    const element = text.current;
    if (!element || open) return undefined;
    const measure = (): void => setLong(element.scrollHeight > element.clientHeight + 1);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [open]);
  return (
    <>
      <span ref={text} className="clamped" data-open={open || undefined}>
        {props.children}
      </span>
      {(long || open) && (
        <Button
          variant="link"
          className="clamped__more"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? "less" : "more"}
        </Button>
      )}
    </>
  );
}
