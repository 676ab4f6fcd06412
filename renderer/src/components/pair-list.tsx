import "./pair-list.css";

/** KEY=VALUE in two. */
export function splitVariable(variable: string): [string, string] {
  const at = variable.indexOf("=");
  return at < 0 ? [variable, ""] : [variable.slice(0, at), variable.slice(at + 1)];
}

/** Names and values as a machine writes them, a line each. */
export function PairList(props: { pairs: readonly [string, string][]; none: string }) {
  const { pairs, none } = props;
  if (pairs.length === 0) return <p className="dim">{none}</p>;
  return (
    <ul className="pair-list mono selectable">
      {pairs.map(([name, value]) => (
        <li key={name}>
          <span className="muted">{name}</span>
          <span className="dim">=</span>
          {value}
        </li>
      ))}
    </ul>
  );
}
