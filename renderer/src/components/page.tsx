import type { ReactNode } from "react";
import "./page.css";

/** A screen of the window: a bar with its title and tools, and below it what scrolls. */
export function Page(props: {
  title: string;
  /** In the title's place, where that is more than words. */
  heading?: ReactNode;
  tools?: ReactNode;
  children: ReactNode;
}) {
  const { title, heading, tools, children } = props;
  return (
    <section className="page" aria-label={title}>
      <div className="page__bar">
        {heading ?? <h1>{title}</h1>}
        {tools}
      </div>
      {children}
    </section>
  );
}

/** A part of a page or of the inspector, under a small heading. */
export function Section(props: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="section">
      <div className="section__head">
        <h3>{props.title}</h3>
        {props.actions}
      </div>
      {props.children}
    </section>
  );
}
