"""A contact may be removed although messages went to it, also messages about a patient whose door is closed by now.

Django's own SET NULL is an UPDATE as `app`, which sees only open doors; the rest would fail at commit. The constraint
does it itself, past row-level security, as every foreign key does.
"""

from django.db import migrations

NAMED = """
DO $$
DECLARE name text;
BEGIN
    SELECT conname INTO STRICT name FROM pg_constraint
     WHERE conrelid = 'notifications_message'::regclass AND confrelid = 'people_contact'::regclass AND contype = 'f';
    EXECUTE format('ALTER TABLE notifications_message DROP CONSTRAINT %%I, ADD CONSTRAINT %%I
                    FOREIGN KEY (contact_id) REFERENCES people_contact (id) %s DEFERRABLE INITIALLY DEFERRED', name, name);
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_wall"), ("people", "0002_wall")]
    operations = [migrations.RunSQL(NAMED % "ON DELETE SET NULL", NAMED % "")]
