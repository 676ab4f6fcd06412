import { Fragment, type ReactNode } from "react";
import { CircleAlert, CircleCheck, CircleDashed } from "lucide-react";
import type { Prerequisite } from "#shared/contract/system";
import { CodeBlock } from "../../components/code-block.tsx";
import { Icon } from "../../components/icon.tsx";

/** The state in a shape and a word: needed and not there is trouble, useful and not there is a hint. */
function look({ status, required }: Prerequisite) {
  if (status === "found") return { icon: CircleCheck, word: "Found", tone: "good" };
  const word = status === "missing" ? "Missing" : "Unusable";
  return required
    ? { icon: CircleAlert, word, tone: "bad" }
    : { icon: CircleDashed, word, tone: "quiet" };
}

export function Prerequisites(props: { list: Prerequisite[] }) {
  return (
    <table className="prerequisites">
      <thead>
        <tr>
          <th>State</th>
          <th>What</th>
          <th>For</th>
          <th>Version</th>
          <th>Where</th>
        </tr>
      </thead>
      <tbody>
        {props.list.map((each) => {
          const { icon, word, tone } = look(each);
          const { name, purpose, note, install, status } = each;
          return (
            <tr key={name}>
              <td>
                <span className={`prerequisites__state prerequisites__state--${tone}`}>
                  <Icon of={icon} size={15} />
                  {word}
                </span>
              </td>
              <td className="prerequisites__name">{name}</td>
              <td>
                {purpose}
                {note && <small>{note}</small>}
                {status !== "found" && install && (
                  <CodeBlock inline text={install} label={`Copy how to install ${name}`} />
                )}
              </td>
              <td className="num muted">{each.version ?? <span className="dim">–</span>}</td>
              <td className="mono muted selectable">
                {each.path === undefined ? <span className="dim">–</span> : breakable(each.path)}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A path that may go on in the next line after each of its slashes. */
function breakable(path: string): ReactNode {
  return path.split("/").map((part, index) => (
    // Its parts never move.
    // oxlint-disable-next-line react/no-array-index-key
    <Fragment key={index}>
      {index > 0 && "/"}
      {index > 0 && <wbr />}
      {part}
    </Fragment>
  ));
}
