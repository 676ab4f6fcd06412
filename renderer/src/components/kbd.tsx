import "./kbd.css";

/** Keys, separated by spaces: `Ctrl K`. */
export function Kbd(props: { keys: string }) {
  return (
    <span className="kbd" aria-hidden="true">
      {props.keys.split(" ").map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </span>
  );
}
