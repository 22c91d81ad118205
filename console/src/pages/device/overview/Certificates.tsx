import { useCertificates } from "../../../api/certificates";
import { CertificateTable } from "../../../parts/CertificateTable";
import { Hint } from "../../../parts/Label";
import { Section } from "../../../parts/Page";
import { useText } from "../../../text";
import classes from "../device.module.css";

/** Of one device; nothing where it has none. */
export function Certificates({ deviceId }: { deviceId: string }) {
  const words = useText().certificates;
  const filter = { deviceId };
  const found = useCertificates(filter);
  if (found.data?.length === 0 || found.isPending) return null;
  return (
    <div className={classes.spanning}>
      <Section title={words.title} flush>
        <CertificateTable filter={filter} empty={<Hint>{words.none}</Hint>} />
      </Section>
    </div>
  );
}
