import { v1 } from '@google-cloud/secret-manager';
import { test } from '@jest/globals';
import { unlikeOthers as unlikeAws } from './aws/unlike-others.ts';
import { unlikeOthers as unlikeAzure } from './azure/unlike-others.ts';
import { unlikeOthers as unlikeGcp } from './gcp/unlike-others.ts';
import { openRealAws } from './real/aws.ts';
import { openRealAzure } from './real/azure.ts';
import { openRealGcp } from './real/gcp.ts';
import { awsLacks, azureLacks, gcpLacks, realConformance } from './real/suite.ts';

/* Runs only where the environment names an account; test/sync-targets/README.md says what that takes, costs and leaves. */

const {
  VSS_CONFORMANCE_AWS_REGION: region,
  VSS_CONFORMANCE_AWS_KMS_KEYS: keys,
  VSS_CONFORMANCE_AZURE_VAULT: vaultUrl,
  VSS_CONFORMANCE_GCP_PROJECT: project,
  AZURE_TENANT_ID: tenantId,
  AZURE_CLIENT_ID: clientId,
  AZURE_CLIENT_SECRET: clientSecret,
} = process.env;

if (region) {
  const [one, other] = keys?.split(',') ?? [];
  realConformance({
    name: `AWS in ${region}`,
    unlikeOthers: unlikeAws,
    ...(one && other ? {} : { lacks: awsLacks }),
    open: () => openRealAws({ settings: { region }, keys: one && other ? [one, other] : null }),
  });
} else test.skip('AWS (skipped: VSS_CONFORMANCE_AWS_REGION names no region)', () => undefined);

if (vaultUrl) {
  realConformance({
    name: `Azure in ${vaultUrl}`,
    unlikeOthers: unlikeAzure,
    lacks: azureLacks,
    async open() {
      if (!tenantId || !clientId || !clientSecret)
        throw new Error('set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET');
      const dnsSuffix = new URL(vaultUrl).host.split('.').slice(1).join('.');
      const authorityHost = 'https://login.microsoftonline.com';
      const allowedHosts: string[] = [];
      const settings = { dnsSuffix, authorityHost, tenantId, clientId, clientSecret, allowedHosts };
      return openRealAzure({ vaultUrl, settings: { ...settings, recoveryPatienceMs: 60_000 } });
    },
  });
} else test.skip('Azure (skipped: VSS_CONFORMANCE_AZURE_VAULT names no vault)', () => undefined);

if (project) {
  realConformance({
    name: `GCP in ${project}`,
    unlikeOthers: unlikeGcp,
    lacks: gcpLacks,
    open: () => openRealGcp({ project, settings: { insecure: false }, somebody: new v1.SecretManagerServiceClient() }),
  });
} else test.skip('GCP (skipped: VSS_CONFORMANCE_GCP_PROJECT names no project)', () => undefined);
