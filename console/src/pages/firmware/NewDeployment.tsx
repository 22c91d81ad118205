import { Alert, Button, Modal, Select, Switch, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useMemo, useState } from "react";
import { begin, useReleases } from "../../api/firmware";
import { AGENT } from "../../api/versions";
import { fleet, useFleet } from "../../live/fleet";
import { useHubNow } from "../../live/hubClock";
import campaign from "../../parts/campaigns/campaigns.module.css";
import { TermsInput } from "../../parts/campaigns/TermsInput";
import { CAREFUL, termsOf } from "../../parts/campaigns/terms";
import { WarningIcon } from "../../parts/icons";
import { ProblemLine } from "../../parts/ProblemLine";
import { useText } from "../../text";
import { AimInput } from "./AimInput";
import classes from "./firmware.module.css";
import { type Aim, aimedAt, previewOf, targetOf } from "./targets";

const WHOLE: Aim = { by: "filter", tag: null, status: null, version: null };

type Props = { releaseId: string | null; onClose: () => void };

/** What goes to whom, in which steps, and when it is to stop. Shows who is hit before it begins. */
export function NewDeployment({ releaseId: asked, onClose }: Props) {
  const text = useText();
  const words = text.firmware;
  const navigate = useNavigate();
  const releases = useReleases();
  const roster = useFleet(({ roster }) => roster);
  const now = useHubNow();
  const [releaseId, setReleaseId] = useState(asked);
  const [aim, setAim] = useState<Aim>(WHOLE);
  const [terms, setTerms] = useState(CAREFUL);
  const [downgrade, setDowngrade] = useState(false);
  const [confirmed, setConfirmed] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  const release = releases.data?.find(({ id }) => id === releaseId);
  // What devices say changes all the time: who is hit is counted anew with the clock.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  const hit = useMemo(() => aimedAt(aim, fleet.current().devices.values()), [aim, roster, now]);
  const preview = previewOf(hit, release?.type ?? AGENT, release?.version ?? "");
  const target = targetOf(aim);
  const said = termsOf(terms);
  const ready = release !== undefined && target !== null && hit.length > 0 && said !== null;
  const sure = hit.length === 1 || confirmed.trim() === String(hit.length);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      const made = await begin({ releaseId, target, ...said, allowDowngrade: downgrade });
      void navigate({
        to: "/firmware/deployments/$deploymentId",
        params: { deploymentId: made },
      });
    } catch (error) {
      setProblem(error);
      setBusy(false);
    }
  };

  return (
    <Modal
      opened
      onClose={onClose}
      size={760}
      title={words.deploy}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <form onSubmit={submit} className={classes.form} noValidate>
        <Select
          label={words.release}
          placeholder={words.chooseRelease}
          searchable
          openOnFocus={false}
          nothingFoundMessage={words.noReleases}
          data-autofocus
          value={releaseId}
          onChange={setReleaseId}
          data={(releases.data ?? []).map(({ id, type, version, channel }) => ({
            value: id,
            label: `${type === AGENT ? "" : `${type} `}${version} (${channel})`,
          }))}
        />
        <AimInput aim={aim} onChange={setAim} />
        <div className={campaign.preview} role="status">
          <strong>{text.campaigns.hit(preview.total)}</strong>
          {release && preview.there > 0 && (
            <span className="dim">{words.there(preview.there)}</span>
          )}
          {release && preview.newer > 0 && (
            <span className="dim">
              {downgrade ? words.downgraded(preview.newer) : words.newer(preview.newer)}
            </span>
          )}
          {release && preview.unfit > 0 && (
            <span className="dim">{words.unfit(preview.unfit)}</span>
          )}
          {preview.away > 0 && <span className="dim">{text.campaigns.away(preview.away)}</span>}
        </div>
        <TermsInput terms={terms} total={hit.length} onChange={setTerms}>
          <Switch
            label={words.allowDowngrade}
            description={words.allowDowngradeHint}
            checked={downgrade}
            onChange={event => setDowngrade(event.currentTarget.checked)}
          />
        </TermsInput>
        {release?.signatureBase64 === null && (
          <Alert role="note" color="yellow" icon={<WarningIcon />} p="xs">
            {words.unsignedHint}
          </Alert>
        )}
        {ready && hit.length > 1 && (
          <TextInput
            label={text.commands.form.typeCount(hit.length)}
            autoComplete="off"
            inputMode="numeric"
            value={confirmed}
            onChange={event => setConfirmed(event.currentTarget.value)}
          />
        )}
        {problem !== null && <ProblemLine error={problem} />}
        <div className={classes.buttons}>
          <Button type="submit" size="sm" loading={busy} disabled={!ready || !sure}>
            {release ? words.start(release.version, hit.length) : words.deploy}
          </Button>
          <Button variant="default" size="sm" onClick={onClose}>
            {text.common.cancel}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
