import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { IconButton } from "./button.tsx";
import { announce, notify } from "./notices.ts";

/** Copies and says so, also for a screen reader. False, and told, when nothing was copied. */
export async function copyText(text: string, what = "Copied"): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    announce(what);
    return true;
  } catch (error) {
    notify({ tone: "bad", title: "Nothing was copied", error });
    return false;
  }
}

export function CopyButton(props: {
  /** A function when the text is long or made only on demand. */
  text: string | (() => string);
  label?: string;
  size?: "small" | "medium";
}) {
  const { text, label = "Copy", size = "small" } = props;
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1200);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <IconButton
      size={size}
      icon={done ? Check : Copy}
      label={done ? "Copied" : label}
      onClick={(event) => {
        event.stopPropagation();
        void copyText(typeof text === "string" ? text : text()).then(setDone);
      }}
    />
  );
}
