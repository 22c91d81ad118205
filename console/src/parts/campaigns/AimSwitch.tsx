import { SegmentedControl } from "@mantine/core";
import type { ReactNode } from "react";
import { useText } from "../../text";
import classes from "./campaigns.module.css";

type Props<By extends string> = {
  by: By;
  /** Each way with its name. */
  ways: readonly (readonly [By, string])[];
  onChange: (by: By) => void;
  /** Which devices, in this way. */
  children: ReactNode;
};

/** In which way the devices of a campaign are named. */
export function AimSwitch<By extends string>({ by, ways, onChange, children }: Props<By>) {
  const words = useText().campaigns;
  return (
    <div className={classes.aim}>
      <div className={classes.label} id="aim">
        {words.target}
      </div>
      <SegmentedControl
        size="xs"
        aria-labelledby="aim"
        value={by}
        onChange={value => onChange(value as By)}
        data={ways.map(([value, label]) => ({ value, label }))}
      />
      {children}
    </div>
  );
}
