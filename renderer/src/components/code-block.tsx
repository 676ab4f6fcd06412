import { CopyButton } from "./copy-button.tsx";
import { cx } from "./cx.ts";
import "./code-block.css";

/** A command or a piece of text from a machine, copyable. `inline` keeps it on one line. */
export function CodeBlock(props: { text: string; inline?: boolean; label?: string }) {
  const { text, inline, label = "Copy" } = props;
  return (
    <div className={cx("code-block", inline && "code-block--inline")}>
      <pre className="mono selectable">{text}</pre>
      <CopyButton text={text} label={label} />
    </div>
  );
}
