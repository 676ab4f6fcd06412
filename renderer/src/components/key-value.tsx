import type { ReactNode } from "react";
import { cx } from "./cx.ts";
import { CopyButton } from "./copy-button.tsx";
import "./key-value.css";

/** Names and values in two columns. */
export function KeyValues(props: { children: ReactNode; className?: string }) {
  return <dl className={cx("key-values", props.className)}>{props.children}</dl>;
}

/** `mono` for what machines read; `copy` puts a button at the end that appears on hover. */
export function KeyValue(props: {
  name: string;
  mono?: boolean;
  copy?: string | undefined;
  children: ReactNode;
}) {
  const { name, mono, copy, children } = props;
  return (
    <div className="key-value">
      <dt>{name}</dt>
      <dd className={cx("selectable", mono && "mono")}>
        <span>{children}</span>
        {copy !== undefined && <CopyButton text={copy} label={`Copy ${name.toLowerCase()}`} />}
      </dd>
    </div>
  );
}

/** A value on one line, as a path; the whole on hover. */
export function OneLine(props: { of: string }) {
  return (
    <span className="key-value__line" title={props.of}>
      {props.of}
    </span>
  );
}
