import { Check, Minus } from "lucide-react";
import type { Ability, RuntimeInfo } from "#shared/contract/system";
import { sentence } from "../../components/error-note.tsx";
import { Icon } from "../../components/icon.tsx";
import { Moment } from "../../components/since.tsx";

const abilities: [key: keyof RuntimeInfo["abilities"], label: string][] = [
  ["exec", "Terminals and commands"],
  ["pause", "Pause and resume"],
  ["limits", "Limits"],
  ["checkpoint", "Checkpoints"],
];

/** What each runtime could do when it was tried here. */
export function Runtimes(props: { list: RuntimeInfo[]; probing: boolean }) {
  const { list, probing } = props;
  if (list.length === 0) {
    return (
      <p className="muted">
        {probing
          ? "Looking for runtimes…"
          : "No runtime was found: install runc or crun, then probe again."}
      </p>
    );
  }
  return (
    <div className="runtimes">
      {list.map((runtime) => (
        <article key={runtime.id} className="runtime" aria-label={runtime.name}>
          <header>
            <b>{runtime.name}</b>
            <span className="muted num">{runtime.version}</span>
            {runtime.preferred && <span className="runtime__badge">best here</span>}
            {runtime.startMs !== undefined && (
              <span
                className="runtime__speed muted num"
                title="Creating and starting the probe's container"
              >
                {Math.round(runtime.startMs)} ms to start
              </span>
            )}
          </header>
          <p className="mono dim selectable">{runtime.path}</p>
          {runtime.usable.ok ? (
            <ul>
              {abilities.map(([key, label]) => (
                <AbilityLine key={key} label={label} ability={runtime.abilities[key]} />
              ))}
            </ul>
          ) : (
            <ul>
              <AbilityLine label="Runs containers here" ability={runtime.usable} />
            </ul>
          )}
          <p className="dim runtime__foot">
            {runtime.hidesUnifiedCgroup && "Works around this host's hybrid cgroups. "}
            {runtime.note ? `${runtime.note} Asked ` : "Probed "}
            <Moment time={runtime.probedAt} />
          </p>
        </article>
      ))}
    </div>
  );
}

function AbilityLine(props: { label: string; ability: Ability }) {
  const { label, ability } = props;
  return (
    <li data-ok={ability.ok || undefined}>
      <Icon of={ability.ok ? Check : Minus} size={14} />
      <span>
        {label}
        <span className="visually-hidden">{ability.ok ? ": yes" : ": no"}</span>
        {!ability.ok && ability.reason && <small>{sentence(ability.reason)}</small>}
      </span>
    </li>
  );
}
