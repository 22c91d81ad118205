import { Select, Switch } from "@mantine/core";
import { useChange } from "../../api/change";
import { ME } from "../../api/me";
import { Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { useMay } from "../../session/access";
import { useText } from "../../text";
import { changeSettings, type OrgSettings, SETTINGS } from "./data";
import classes from "./settings.module.css";

const FACTORS = ["none", "second_factor", "passkey"] as const;

/** What the organisation asks of who signs in. */
export function SigningIn({ settings }: { settings: OrgSettings }) {
  const text = useText();
  const words = text.settings.signingIn;
  const changes = useMay()("settings:update");
  const change = useChange(changeSettings, { stale: [SETTINGS, ME], done: text.settings.saved });
  const { adminFactor } = settings;
  return (
    <Section title={words.title}>
      <div className={classes.setting}>
        <div>
          <strong>{words.factor}</strong>
          <Hint>{words.factorHints[adminFactor]}</Hint>
        </div>
        <Select
          aria-label={words.factor}
          allowDeselect={false}
          w={190}
          value={adminFactor}
          disabled={!changes || change.isPending}
          data={FACTORS.map(value => ({ value, label: words.factors[value] }))}
          onChange={value => {
            const chosen = FACTORS.find(one => one === value);
            if (chosen && chosen !== adminFactor) change.mutate({ adminFactor: chosen });
          }}
        />
      </div>
      <div className={classes.setting}>
        <div>
          <strong>{words.provider}</strong>
          <Hint>{words.providerHint}</Hint>
        </div>
        <Switch
          aria-label={words.provider}
          checked={settings.providerRequired}
          disabled={!changes || change.isPending}
          onChange={event => change.mutate({ providerRequired: event.currentTarget.checked })}
        />
      </div>
    </Section>
  );
}
