import { memo } from "react";
import { ByteCount, CpuUse, Dash } from "../../components/quantity.tsx";
import { Sparkline } from "../../components/sparkline.tsx";
import { sparklinePoints } from "../../queries/stats-store.ts";
import { useSample, useSparkline } from "../../queries/stats.ts";

/** A quarter of a CPU fills the height, until more is used: an idle container shows a flat line. */
const ceiling = 0.25;

/** These two alone render again with every sample; their row does not. */
export const CpuCell = memo(function CpuCell(props: { id: string; live: boolean }) {
  const sample = useSample(props.id);
  const values = useSparkline(props.id);
  if (!props.live || !sample) return <Dash />;
  return (
    <>
      <Sparkline
        values={values}
        capacity={sparklinePoints}
        width={58}
        height={16}
        ceiling={ceiling}
      />
      <CpuUse value={sample.cpu} />
    </>
  );
});

export const MemoryCell = memo(function MemoryCell(props: { id: string; live: boolean }) {
  const sample = useSample(props.id);
  if (!props.live || !sample) return <Dash />;
  return <ByteCount value={sample.memory} />;
});
