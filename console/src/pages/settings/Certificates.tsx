import { Select } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { type CertificateStatus, STATUSES } from "../../api/certificates";
import { hubNow } from "../../live/hubClock";
import { CertificateTable } from "../../parts/CertificateTable";
import { Hint } from "../../parts/Label";
import { Section } from "../../parts/Page";
import { useText } from "../../text";
import classes from "./settings.module.css";

const WITHIN = [1, 7, 14, 30] as const;
const DAY_MS = 86_400_000;

/** Which certificates there are, those first that somebody should look at: what ends soon. */
export function Certificates() {
  const words = useText().certificates;
  const [status, setStatus] = useState<CertificateStatus | null>("valid");
  const [within, setWithin] = useState<{ days: string; before: string } | null>(null);
  const choose = (days: string | null) => setWithin(days === null ? null : endOf(days));
  return (
    <Section title={words.title} flush>
      <div className={classes.intro}>
        <Hint>{words.hint}</Hint>
        <search className={classes.filters}>
          <Select
            aria-label={words.within}
            placeholder={words.always}
            clearable
            w={170}
            value={within?.days ?? null}
            onChange={choose}
            data={WITHIN.map(days => ({ value: String(days), label: words.days(days) }))}
          />
          <Select
            aria-label={words.status}
            placeholder={words.status}
            clearable
            w={150}
            value={status}
            onChange={value => setStatus(value as CertificateStatus | null)}
            data={STATUSES.map(value => ({ value, label: words.states[value] }))}
          />
        </search>
      </div>
      <CertificateTable
        filter={{ ...(status && { status }), ...(within && { expiresBefore: within.before }) }}
        empty={<Hint>{status === null && within === null ? words.none : words.noneLike}</Hint>}
        deviceOf={id => (
          <Link to="/devices/$deviceId" params={{ deviceId: id }} className={classes.link ?? ""}>
            {id}
          </Link>
        )}
      />
    </Section>
  );
}

/** Of a choice, by the hub's clock: it stays until another is made. */
function endOf(days: string): { days: string; before: string } {
  return { days, before: new Date(hubNow() + Number(days) * DAY_MS).toISOString() };
}
