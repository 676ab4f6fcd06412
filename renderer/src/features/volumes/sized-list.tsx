import { ByteCount, Dash } from "../../components/quantity.tsx";
import { volumeName } from "./view.ts";

/** Volumes that go, with what each takes. */
export function SizedList(props: {
  label: string;
  volumes: readonly { id: string; anonymous: boolean; size: number | undefined }[];
}) {
  const { label, volumes } = props;
  return (
    <ul className="removal__list" aria-label={label}>
      {volumes.map((volume) => (
        <li key={volume.id}>
          <span className={volume.anonymous ? "truncate mono muted" : "truncate"} title={volume.id}>
            {volumeName(volume)}
          </span>
          {volume.size === undefined ? <Dash /> : <ByteCount value={volume.size} />}
        </li>
      ))}
    </ul>
  );
}
