import { useState } from "react";
import type { Container } from "#shared/contract/containers";
import type { HealthResult } from "#shared/contract/health";
import { Button } from "../../components/button.tsx";
import { ErrorNote } from "../../components/error-note.tsx";
import { exactDuration } from "../../components/format.ts";
import { Section } from "../../components/page.tsx";
import { Moment, Since } from "../../components/since.tsx";
import { healthLooks, Mark } from "../../components/status-mark.tsx";
import { useHealth } from "../../queries/health.ts";
import "./health-card.css";

/** Checks shown at first. */
const shown = 5;

/** What a container's checks have found; nothing for one that has none and never had. */
export function HealthCard(props: { container: Container }) {
  const { id } = props.container;
  const { health, error } = useHealth(id);
  const [all, setAll] = useState(false);
  if (error) return <ErrorNote title="Its health can’t be read" error={error} />;
  if (!health || (health.status === undefined && health.results.length === 0)) return null;
  const { status, failingStreak, results, watchedSince } = health;
  const look = status && healthLooks[status];
  const newest = results.toReversed();
  return (
    <Section title="Health">
      <p className="health__now">
        {look ? (
          <>
            <span className={`status status--${look.tone}`}>
              <Mark shape={look.shape} tone={look.tone} />
              {look.word}
            </span>
            {failingStreak > 0 && (
              <span className="muted">
                {failingStreak === 1
                  ? "the last check failed"
                  : `the last ${failingStreak} checks failed`}
              </span>
            )}
          </>
        ) : (
          <span className="muted">Not checked now</span>
        )}
      </p>
      {newest.length > 0 && (
        <table className="health__results" aria-label="Its last checks">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Exit</th>
              <th scope="col">Took</th>
              <th scope="col">Output</th>
            </tr>
          </thead>
          <tbody>
            {(all ? newest : newest.slice(0, shown)).map((result) => (
              <Result key={result.startedAt} result={result} />
            ))}
          </tbody>
        </table>
      )}
      {newest.length > shown && (
        <Button variant="link" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "fewer" : `${newest.length - shown} more`}
        </Button>
      )}
      {watchedSince !== undefined && (
        <p className="dim">
          Checked for <Since time={watchedSince} />; nothing is while Shimyard is closed.
        </p>
      )}
    </Section>
  );
}

function Result(props: { result: HealthResult }) {
  const { startedAt, endedAt, exitCode, output } = props.result;
  const [open, setOpen] = useState(false);
  const text = output.trim();
  return (
    <tr>
      <td>
        <Moment time={startedAt} seconds />
      </td>
      <td className="num">
        {exitCode === 0 ? (
          "0"
        ) : (
          <span className="health__failed">{exitCode === undefined ? "none" : exitCode}</span>
        )}
      </td>
      <td className="num">{exactDuration(endedAt - startedAt)}</td>
      <td className="health__output">
        {text === "" ? (
          <span className="dim">nothing</span>
        ) : (
          <button
            type="button"
            className="health__said mono"
            aria-expanded={open}
            title={open ? "Less" : "All that it said"}
            onClick={() => setOpen(!open)}
          >
            {text.split("\n")[0]}
          </button>
        )}
        {open && <pre className="health__whole mono selectable">{text}</pre>}
      </td>
    </tr>
  );
}
