/** The IAM permission behind each operation: https://cloud.google.com/secret-manager/docs/access-control */
export const PERMISSIONS = {
  createSecret: 'secretmanager.secrets.create',
  getSecret: 'secretmanager.secrets.get',
  updateSecret: 'secretmanager.secrets.update',
  deleteSecret: 'secretmanager.secrets.delete',
  listSecrets: 'secretmanager.secrets.list',
  addSecretVersion: 'secretmanager.versions.add',
  getSecretVersion: 'secretmanager.versions.get',
  listSecretVersions: 'secretmanager.versions.list',
  accessSecretVersion: 'secretmanager.versions.access',
  enableSecretVersion: 'secretmanager.versions.enable',
  disableSecretVersion: 'secretmanager.versions.disable',
  destroySecretVersion: 'secretmanager.versions.destroy',
} as const;

export type Operation = keyof typeof PERMISSIONS;
